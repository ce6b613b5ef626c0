//! Models that take tokens: what is imported, what is refused, and what a file may hold.

mod support;

use rten_onnx::onnx::DataType;
use support::base::{assert_kind, refused};
use winterforge_model::testing::OnnxBuilder;
use winterforge_model::{
    Embedding, Graph, InputBoundary, QType, Quantization, execute, import, read_input,
};

const ROWS: [i32; 8] = [-128, 127, 0, 1, -1, 2, 64, -7];

const X: Quantization = Quantization {
    scale: 0.5,
    zero_point: -3,
    qtype: QType::I8,
};

/// Two tokens a sample; a table `t` of four rows of two cells, and its reals `tf`.
fn tables() -> OnnxBuilder {
    let mut onnx = OnnxBuilder::new();
    onnx.input("tokens", DataType::INT64, &[None, Some(2)]);
    onnx.quantization("x", X);
    onnx.bytes("t", QType::I8, &[4, 2], &ROWS);
    onnx.floats("tf", &[4, 2], &ROWS.map(|q| X.dequantize(q)));
    onnx
}

/// The sum of the looked-up rows `x` with themselves.
fn finished(mut onnx: OnnxBuilder) -> OnnxBuilder {
    let x = ["x", "x_scale", "x_zero_point"];
    onnx.quantization("y", Quantization { scale: 1.0, ..X });
    let names = [x.as_slice(), &x, &["y_scale", "y_zero_point"]].concat();
    onnx.node("com.microsoft:QLinearAdd", "add", &names, "y");
    onnx.output("y", DataType::INT8);
    onnx
}

fn read(onnx: &OnnxBuilder) -> Graph {
    import(&onnx.build(), "tokens.onnx").unwrap()
}

fn looked_up(data: &str) -> OnnxBuilder {
    let mut onnx = tables();
    onnx.node("Gather", "at", &[data, "tokens"], "x");
    onnx
}

/// Rows of reals, quantized behind.
fn reals(data: &str) -> OnnxBuilder {
    let mut onnx = tables();
    let [dequantize, quantize] = [
        ["t", "x_scale", "x_zero_point"],
        ["r", "x_scale", "x_zero_point"],
    ];
    onnx.node("DequantizeLinear", "dt", &dequantize, "td");
    onnx.node("Gather", "at", &[data, "tokens"], "r");
    onnx.node("QuantizeLinear", "qr", &quantize, "x");
    onnx
}

#[test]
fn all_forms_are_one_graph() {
    let graph = read(&finished(looked_up("t")));
    assert_eq!(graph.tensor(graph.input).shape, [2, 2]);
    assert_eq!(graph.tensor(graph.input).quantization, X);
    assert_eq!(
        (graph.input_shape(), graph.vocabulary()),
        ([2].as_slice(), Some(4))
    );
    assert_eq!(graph.quantize_input(&[3.0, 0.0]), [64, -7, -128, 127]);
    // The sum of a number with itself, in steps twice as wide.
    let execution = execute(&graph, &graph.quantize_input(&[3.0, 1.0])).unwrap();
    assert_eq!(execution.tensors[graph.output.0], [64, -7, 0, 1]);
    for data in ["td", "tf"] {
        let other = read(&finished(reals(data)));
        assert_eq!(other.id(), graph.id(), "{data}");
    }
    let mut onnx = finished(looked_up("t"));
    onnx.graph.input.clear();
    onnx.input("tokens", DataType::INT32, &[None, Some(2)]);
    assert_eq!(read(&onnx).id(), graph.id());
}

/// Two lookups of one table are one.
#[test]
fn a_table_may_be_looked_up_twice() {
    let mut onnx = looked_up("t");
    onnx.node("Gather", "again", &["t", "tokens"], "x2");
    onnx.quantization("y", X);
    let names = ["x", "x2"]
        .map(|name| [name, "x_scale", "x_zero_point"])
        .concat();
    let names = [names.as_slice(), &["y_scale", "y_zero_point"]].concat();
    onnx.node("com.microsoft:QLinearAdd", "add", &names, "y");
    onnx.output("y", DataType::INT8);
    assert_eq!(read(&onnx).tensors.len(), 2);
}

#[test]
fn the_id_covers_table_and_shape() {
    let graph = read(&finished(looked_up("t")));
    let changed = |change: fn(&mut Embedding)| {
        let mut other = graph.clone();
        let InputBoundary::Tokens(embedding) = &mut other.input_boundary else {
            panic!("takes tokens");
        };
        change(embedding);
        (other.id() != graph.id(), other.validate())
    };
    let (differs, valid) = changed(|embedding| embedding.codes[7] ^= 1);
    assert!(differs && valid.is_ok());
    let malformed: [fn(&mut Embedding); 5] = [
        |embedding| embedding.shape = vec![],
        |embedding| embedding.shape = vec![4],
        |embedding| embedding.shape = vec![2, 2, 1],
        |embedding| embedding.codes.truncate(7),
        |embedding| embedding.codes.clear(),
    ];
    let [first, rest @ ..] = malformed.map(changed);
    // One token of four cells is another model, and a valid one.
    assert!(first.0 && first.1.is_ok());
    for (index, (differs, valid)) in rest.into_iter().enumerate() {
        assert!(differs && valid.is_err(), "{index}");
    }
}

#[test]
fn what_cannot_be_looked_up() {
    let mut onnx = looked_up("t");
    onnx.int("axis", 1);
    assert_kind!(
        refused(&finished(onnx), &["node `at`", "`axis`", "axis 0"]),
        Attribute
    );
    let mut onnx = looked_up("t");
    onnx.bytes("u", QType::I8, &[4, 2], &[0; 8]);
    onnx.node("Gather", "second", &["u", "tokens"], "x2");
    assert_kind!(
        refused(
            &finished(onnx),
            &["node `second`", "second table", "add the rows"]
        ),
        Operand
    );
    // The same bytes in rows of another length.
    let mut onnx = looked_up("t");
    onnx.bytes("u", QType::I8, &[2, 4], &ROWS);
    onnx.node("Gather", "second", &["u", "tokens"], "x2");
    assert_kind!(
        refused(&finished(onnx), &["node `second`", "second table"]),
        Operand
    );
    let mut onnx = looked_up("t");
    onnx.node("Gather", "second", &["x", "tokens"], "x2");
    assert_kind!(
        refused(&finished(onnx), &["node `second`", "constant table"]),
        Operand
    );
    let mut onnx = tables();
    onnx.int64s("i", &[4, 2], &[0; 8]);
    onnx.node("Gather", "at", &["i", "tokens"], "x");
    assert_kind!(
        refused(&finished(onnx), &["node `at`", "FLOAT, INT8 or UINT8"]),
        Operand
    );
    let mut onnx = tables();
    onnx.raw("e", DataType::INT8, &[0, 2], vec![]);
    onnx.node("Gather", "at", &["e", "tokens"], "x");
    assert_kind!(refused(&finished(onnx), &["node `at`", "0 rows"]), Operand);
    let mut onnx = tables();
    onnx.node("Identity", "at", &["tokens"], "x");
    assert_kind!(
        refused(&finished(onnx), &["node `add`", "tokens", "only Gather"]),
        Operand
    );
    let mut onnx = tables();
    onnx.node("Gather", "at", &["tf", "tokens"], "r");
    onnx.node("Relu", "relu", &["r"], "x");
    assert_kind!(
        refused(&finished(onnx), &["node `relu`", "not quantized yet"]),
        Operand
    );
    let mut onnx = tables();
    onnx.node("Identity", "at", &["tokens"], "y");
    onnx.output("y", DataType::INT64);
    assert_kind!(refused(&onnx, &["the output `y`", "tokens"]), Model);
}

#[test]
fn files_hold_tokens_that_there_are() {
    let graph = read(&finished(looked_up("t")));
    let path = std::env::temp_dir().join(format!("winterforge-tokens-{}.json", std::process::id()));
    let read = |text: &str| {
        std::fs::write(&path, text).unwrap();
        read_input(&path, &graph)
    };
    let samples = read("[[0, 3], [2, 2]]").unwrap();
    assert_eq!((samples.count, samples.data), (2, vec![0.0, 3.0, 2.0, 2.0]));
    for (text, parts) in [
        ("[[0, 4]]", ["4 is no token", "0 to 3"]),
        ("[[-1, 0]]", ["-1 is no token", "0 to 3"]),
        ("[[0.5, 0]]", ["not an integer", "token"]),
        ("[[0, 1, 2]]", ["[1, 3]", "2"]),
    ] {
        let error = read(text).unwrap_err().to_string();
        assert!(parts.iter().all(|part| error.contains(part)), "{error}");
    }
    std::fs::remove_file(&path).unwrap();
}

/// One token in all, without an axis of its own.
#[test]
fn a_single_token() {
    let mut onnx = finished(looked_up("t"));
    onnx.graph.input.clear();
    onnx.input("tokens", DataType::INT64, &[None]);
    let graph = read(&onnx);
    assert_eq!((graph.input_len(), graph.output_len()), (1, 2));
    assert_eq!(graph.quantize_input(&[2.0]), [-1, 2]);
}

/// The rows of `t` under the zero point `inner`, quantized with `outer` and back, looked up as reals and quantized with `outer`.
fn seamed(inner: (QType, i32), outer: (QType, i32)) -> OnnxBuilder {
    let mut onnx = OnnxBuilder::new();
    onnx.input("tokens", DataType::INT64, &[None, Some(2)]);
    for (name, (qtype, zero_point)) in [("t", inner), ("x", outer)] {
        let quantization = Quantization {
            scale: 0.5,
            zero_point,
            qtype,
        };
        onnx.quantization(name, quantization);
    }
    let rows = ROWS.map(|q| q - QType::I8.min() + inner.0.min());
    onnx.bytes("t", inner.0, &[4, 2], &rows);
    let of = |x: &'static str, like: &'static str| match like {
        "t" => [x, "t_scale", "t_zero_point"],
        _ => [x, "x_scale", "x_zero_point"],
    };
    onnx.node("DequantizeLinear", "a", &of("t", "t"), "tf");
    onnx.node("QuantizeLinear", "b", &of("tf", "x"), "u");
    onnx.node("DequantizeLinear", "c", &of("u", "x"), "uf");
    onnx.node("Gather", "at", &["uf", "tokens"], "r");
    onnx.node("QuantizeLinear", "qr", &of("r", "x"), "x");
    onnx
}

fn sum(mut onnx: OnnxBuilder, qtype: QType) -> OnnxBuilder {
    let x = ["x", "x_scale", "x_zero_point"];
    let names = [x.as_slice(), &x, &x[1..]].concat();
    onnx.node("com.microsoft:QLinearAdd", "add", &names, "y");
    let output = match qtype {
        QType::I8 => DataType::INT8,
        QType::U8 => DataType::UINT8,
    };
    onnx.output("y", output);
    onnx
}

/// Integers that were quantized from themselves go by one name, but the same bytes of the other type are other integers, though the
/// zero point be the same byte.
#[test]
fn a_seam_keeps_the_type() {
    let types = [QType::I8, QType::U8];
    for qtype in types {
        let graph = read(&sum(seamed((qtype, 0), (qtype, 0)), qtype));
        assert_eq!(graph.tensor(graph.input).quantization.qtype, qtype);
    }
    for [inner, outer] in [types, [QType::U8, QType::I8]] {
        let onnx = sum(seamed((inner, 0), (outer, 0)), outer);
        assert_kind!(refused(&onnx, &["node `b`", "`tf`"]), Operand);
        // The same for a zero point that is not of the rows' type to begin with.
        let mut onnx = sum(seamed((inner, 0), (outer, 0)), outer);
        onnx.graph.node[0].input[2] = "x_zero_point".to_string();
        refused(&onnx, &["node `b`", "`tf`"]);
        // The same without the seam, as no file may say it.
        let mut onnx = sum(seamed((inner, 0), (outer, 0)), outer);
        onnx.graph
            .node
            .retain(|node| !matches!(node.name.as_deref(), Some("a" | "b")));
        onnx.graph.node[0].input[0] = "t".to_string();
        let parts = ["node `c`", "`t`", "type", "but its zero point"];
        assert_kind!(refused(&onnx, &parts), Operand);
    }
    // Another zero point.
    let onnx = sum(seamed((QType::I8, 0), (QType::I8, 1)), QType::I8);
    assert_kind!(refused(&onnx, &["node `b`"]), Operand);
}
