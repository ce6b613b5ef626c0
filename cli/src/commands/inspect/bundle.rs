//! What a bundle says about itself.

use serde_json::{Value, json};
use winterforge_air::plan::PLAN_VERSION;
use winterforge_model::SEMANTICS_VERSION;
use winterforge_verifier::bundle::{
    FORMAT_VERSION, Header, PROTOCOL_VERSION, Parameters, PublicTensor,
};

use super::shape;
use crate::commands::{output_rows, samples_q};
use crate::output::{aligned, bytes};

pub(super) struct Bundle<'a> {
    pub(super) header: &'a Header,
    pub(super) header_bytes: usize,
    pub(super) contents: &'a [u8],
}

impl Bundle<'_> {
    /// The digest of the file.
    fn id(&self) -> String {
        blake3::hash(self.contents).to_string()
    }

    pub(super) fn json(&self) -> Value {
        let Parameters {
            level,
            profile,
            hash,
            plan,
        } = self.header.parameters;
        let tensor =
            |tensor: &PublicTensor| json!({ "shape": tensor.shape, "type": tensor.values.kind() });
        json!({
            "kind": "bundle",
            "id": self.id(),
            "model_id": self.header.model_id.to_string(),
            "versions": {
                "format": FORMAT_VERSION, "protocol": PROTOCOL_VERSION,
                "semantics": SEMANTICS_VERSION, "plan": PLAN_VERSION,
            },
            "batch": self.header.batch(),
            "input": tensor(&self.header.input),
            "output": tensor(&self.header.output),
            "outputs_q": samples_q(&self.header.output),
            "security": level.bits(),
            "profile": profile.name(),
            "hash": hash.name(),
            "max_log_rows": plan.max_log_rows,
            "shards": self.header.shards,
            "key": self.header.key.map(|key| key.to_string()),
            "parents": self.header.parents.iter().map(|parent| parent.to_string()).collect::<Vec<_>>(),
            "bytes": { "total": self.contents.len(), "header": self.header_bytes, "proof": self.contents.len() - self.header_bytes },
            "verified": false,
        })
    }

    pub(super) fn text(&self) -> String {
        let header = self.header;
        let Parameters {
            level,
            profile,
            hash,
            ..
        } = header.parameters;
        let tensor =
            |tensor: &PublicTensor| format!("{} {}", tensor.values.kind(), shape(&tensor.shape));
        let size = |count: usize| bytes(count as u64);
        let proof_bytes = self.contents.len() - self.header_bytes;
        let mut rows = vec![
            ("bundle", self.id()),
            ("about model", header.model_id.to_string()),
            ("samples", header.batch().to_string()),
            ("input", tensor(&header.input)),
            ("outputs", tensor(&header.output)),
        ];
        rows.extend(output_rows(&samples_q(&header.output)));
        rows.extend(self.header.key.map(|key| ("key", key.to_string())));
        rows.extend(
            self.header
                .parents
                .iter()
                .map(|parent| ("parent", parent.to_string())),
        );
        rows.extend([
            ("security", format!("level {}, profile {}, hash {}", level.bits(), profile.name(), hash.name())),
            (
                "versions",
                format!("format {FORMAT_VERSION}, protocol {PROTOCOL_VERSION}, semantics {SEMANTICS_VERSION}, plan {PLAN_VERSION}"),
            ),
            ("shards", header.shards.to_string()),
            ("size", format!("{}: header {}, proof {}", size(self.contents.len()), size(self.header_bytes), size(proof_bytes))),
            ("", "as the bundle says: nothing of this was verified".to_owned()),
        ]);
        aligned(&rows)
    }
}
