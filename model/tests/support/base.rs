//! One small layer in both forms, to be damaged, and how to look at the error.

use rten_onnx::onnx::DataType;
use winterforge_model::testing::OnnxBuilder;
use winterforge_model::{Graph, ImportError, QType, Quantization, import};

pub(crate) const X: Quantization = Quantization {
    scale: 0.5,
    zero_point: 3,
    qtype: QType::I8,
};
pub(crate) const Y: Quantization = Quantization {
    scale: 4.0,
    zero_point: -7,
    qtype: QType::I8,
};

/// `x [N, 3] -> fc (QGemm) -> y [N, 2]`, int8 at both ends.
pub(crate) fn q_gemm() -> OnnxBuilder {
    let mut onnx = OnnxBuilder::new();
    onnx.input("x", DataType::INT8, &[None, Some(3)]);
    onnx.quantization("x", X).quantization("y", Y);
    onnx.bytes("w", QType::I8, &[2, 3], &[1, -2, 3, -4, 5, -6]);
    onnx.floats("w_scale", &[2], &[0.25, 0.125]);
    onnx.bytes("w_zero_point", QType::I8, &[2], &[0, 1]);
    onnx.int32s("c", &[2], &[100, -100]);
    let names = [
        "x",
        "x_scale",
        "x_zero_point",
        "w",
        "w_scale",
        "w_zero_point",
        "c",
        "y_scale",
        "y_zero_point",
    ];
    onnx.node("com.microsoft:QGemm", "fc", &names, "y")
        .int("transB", 1);
    onnx.output("y", DataType::INT8);
    onnx
}

/// The same in QDQ form: `x -> .. -> fc (Gemm) -> .. -> y`.
pub(crate) fn qdq() -> OnnxBuilder {
    let mut onnx = q_gemm();
    onnx.graph.node.clear();
    onnx.floats("c_scale", &[2], &[0.125, 0.0625]);
    onnx.node(
        "DequantizeLinear",
        "dx",
        &["x", "x_scale", "x_zero_point"],
        "xf",
    );
    onnx.node(
        "DequantizeLinear",
        "dw",
        &["w", "w_scale", "w_zero_point"],
        "wf",
    )
    .int("axis", 0);
    onnx.node("DequantizeLinear", "dc", &["c", "c_scale"], "cf")
        .int("axis", 0);
    onnx.node("Gemm", "fc", &["xf", "wf", "cf"], "yf")
        .int("transB", 1);
    onnx.node(
        "QuantizeLinear",
        "qy",
        &["yf", "y_scale", "y_zero_point"],
        "y",
    );
    onnx
}

/// Behind the layer, another node reads `y` and the model returns its result `z`.
pub(crate) fn followed_by(operator: &str, inputs: &[&str]) -> OnnxBuilder {
    let mut onnx = q_gemm();
    onnx.node(operator, "after", inputs, "z");
    onnx.graph.output[0].name = Some("z".to_string());
    onnx
}

/// Imports what is built.
pub(crate) fn read(onnx: &OnnxBuilder) -> Result<Graph, ImportError> {
    import(&onnx.build(), "net.onnx")
}

/// The message of a failed import, which must start with the file and contain `parts`.
#[track_caller]
pub(crate) fn refused(onnx: &OnnxBuilder, parts: &[&str]) -> ImportError {
    let error = read(onnx).expect_err("must be refused");
    let text = error.to_string();
    assert!(text.starts_with("net.onnx: "), "{text}");
    for part in parts {
        assert!(text.contains(part), "`{part}` is not in: {text}");
    }
    error
}

/// The error must be of this variant.
macro_rules! assert_kind {
    ($error:expr, $kind:ident) => {
        let error = $error;
        assert!(
            matches!(error, winterforge_model::ImportError::$kind { .. }),
            "{error:?}"
        );
    };
}

pub(crate) use assert_kind;

/// Takes an initializer out, for another to come in.
pub(crate) fn remove(onnx: &mut OnnxBuilder, name: &str) {
    onnx.graph
        .initializer
        .retain(|tensor| tensor.name.as_deref() != Some(name));
}

/// How errors call the layer.
pub(crate) const FC: &str = "node `fc` (com.microsoft.QGemm)";
