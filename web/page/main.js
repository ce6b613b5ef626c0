// The page: files in, verdict out. What the verifier did not accept is never shown as an input or output.

const MARKS = { bundle: "WFBUNDLE", key: "WFKEY\0\0\0" };
const WORDS = { accepted: "Accepted", rejected: "Rejected", unreadable: "Not readable", failed: "Not verified", busy: "Verifying …" };
const HINTS = {
  "other-model": "Ask whoever sent the bundle for the model that it is about, or give the right one.",
  "needs-key": "This bundle was made for holders of a key: give the .wfk file in place of the model.",
  "needs-model": "This bundle was made for holders of the model: give the .onnx file in place of the key.",
  "other-key": "Give the key that the bundle was made with.",
  "insufficient-security": "Ask for a bundle made with --security 128, or lower what you insist on.",
  "malformed-bundle": "A bundle is a .wfp file as `winterforge prove` writes it, complete and unchanged.",
  "malformed-proof": "The file was cut off or changed on its way, or was never a proof.",
};
const SHOWN = 12;

const carried = (id) => Uint8Array.from(atob($(id).textContent), (c) => c.charCodeAt(0));
const parts = { wasm: carried("wasm"), sample: { bundle: carried("sample-bundle"), reference: carried("sample-model") } };
const engine = startEngine(parts);
const files = { bundle: null, reference: null };
let turn = 0;
let shown = null;

/** What a file is, by its first bytes. */
function kindOf(bytes) {
  const mark = String.fromCharCode(...bytes.subarray(0, 8));
  return Object.keys(MARKS).find((kind) => MARKS[kind] === mark) ?? "model";
}

/** Takes a file into the place that its content belongs to; `wanted` is where it was put. */
async function take(file, wanted) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  const kind = kindOf(bytes);
  // What has no mark may be a model, or a damaged bundle: then its place or its name tells.
  const isBundle = kind === "bundle" || kind === "model" && (wanted === "bundle" || file.name.endsWith(".wfp"));
  const place = isBundle ? "bundle" : "reference";
  files[place] = { name: file.name, bytes };
  $(`${place}-state`).textContent = `${file.name} · ${isBundle ? "bundle" : kind}, ${size(bytes.length)}`;
  $(`drop-${place}`).classList.add("filled");
}

async function takeAll(list, wanted) {
  const mine = ++turn;
  for (const file of list) {
    try {
      await take(file, list.length > 1 ? "any" : wanted);
    } catch {
      return fail(`${file.name} cannot be read.`);
    }
  }
  if (mine === turn) await verify();
}

function banner(state, detail, hint) {
  $("verdict").hidden = false;
  $("verdict").dataset.state = state;
  $("verdict-word").textContent = WORDS[state];
  $("verdict-detail").textContent = detail;
  $("verdict-hint").textContent = hint ?? "";
  $("verdict-hint").hidden = !hint;
  $("stop").hidden = state !== "busy";
}

function fail(message) {
  $("result").hidden = true;
  shown = null;
  banner("failed", message, "No verdict: take it as not accepted.");
}

async function verify() {
  const { bundle, reference } = files;
  if (!bundle || !reference) return;
  const mine = ++turn;
  $("result").hidden = true;
  shown = null;
  banner("busy", `${bundle.name} against ${reference.name}`);
  try {
    const minSecurity = Number($("security").value);
    const judged = await engine.judge({ bundle: bundle.bytes, reference: reference.bytes, minSecurity });
    if (mine === turn) show(judged, bundle, reference);
  } catch (error) {
    if (mine === turn) {
      fail(error.message === "stopped" ? "Stopped." : `The verifier gave up: ${error.message}.`);
    }
  }
}

function show(judged, bundle, reference) {
  const { report } = judged;
  const { verdict, reason, claims } = report;
  const accepted = verdict === "accepted";
  const key = report.reference?.kind === "key";
  if (accepted) {
    banner(verdict, key ? `The model behind ${reference.name} returned this output for this input.`
      : `${reference.name} returned this output for this input.`,
      key && "The key was taken as given: it stands for this model if you, or someone you trust, made it.");
  } else {
    banner(verdict, `${report.detail} (${reason})`, HINTS[reason]);
  }
  $("result").hidden = !claims;
  $("statement").hidden = !accepted;
  if (!claims) return;
  // Tiles are for what is proven.
  $("tiles").hidden = !accepted;
  $("unproven").hidden = accepted;
  const mode = claims.key ? "key" : "open";
  describe($("tiles"), [
    ["Security", `${report.proven_bits} bits`, "proven"],
    ["Verified in", time(judged.verifyMs), "on this device"],
    ["Mode", mode, claims.key ? "weights committed" : "model at hand"],
    ["Samples", String(claims.batch)],
  ]);
  describe($("facts"), [
    ["Model id", code(claims.model_id)],
    report.reference && report.reference.model_id !== claims.model_id &&
      ["Your model's id", code(report.reference.model_id)],
    claims.key && ["Key", code(claims.key)],
    report.reference?.digest && report.reference.digest !== claims.key && ["Your key", code(report.reference.digest)],
    ["Bundle (BLAKE3)", code(claims.bundle)],
    ...claims.parents.map((digest) => ["Comes from bundle", code(digest), "named, not looked at"]),
    ["Bundle's size", size(bundle.bytes.length)],
    [key ? "Key's size" : "Model's size", size(reference.bytes.length)],
    ["Input", tensor(claims.input)],
    ["Output", tensor(claims.output)],
    ["Made with", `mode ${mode}, level ${claims.security}, profile ${claims.profile}, hash ${claims.hash}, ` +
      `${claims.shards} ${claims.shards === 1 ? "trace" : "traces"}`],
    !accepted && ["Time", `${time(judged.verifyMs)} to the first failure`],
  ]);
  if (accepted) {
    shown = samples(judged);
    $("sample").replaceChildren(...Array.from({ length: claims.batch }, (_, i) =>
      element("option", { value: String(i) }, `Sample ${i + 1} of ${claims.batch}`)));
    $("pager").hidden = claims.batch === 1;
    showSample(0);
  }
}

const code = (text) => element("code", {}, text);
const tensor = ({ kind, shape }) => `${kind}, ${shape.join(" × ")}`;

/** The proven cells, by sample. */
function samples({ report: { claims }, input, output, outputQ }) {
  const { kind, shape } = claims.input;
  const cells = kind === "float32" ? new Float32Array(input) : kind === "tokens" ? new Uint32Array(input) : new Int32Array(input);
  const cut = (all, index) => all.subarray(index * all.length / claims.batch, (index + 1) * all.length / claims.batch);
  const [reals, integers] = [new Float32Array(output), new Int32Array(outputQ)];
  return {
    claims, kind, shape: shape.slice(1),
    at: (index) => ({ input: cut(cells, index), output: cut(reals, index), integers: cut(integers, index) }),
  };
}

function showSample(index, all = false) {
  const { claims, kind, shape, at } = shown;
  const { input, output, integers } = at(index);
  $("sample").value = String(index);
  $("previous").disabled = index === 0;
  $("next").disabled = index === claims.batch - 1;
  let best = 0;
  output.forEach((value, i) => { if (value > output[best]) best = i; });
  $("sentence").textContent = output.length > 1
    ? `For this input the model returns its largest output, ${number(output[best])}, in cell ${best}.`
    : `For this input the model returns ${number(output[0])}.`;
  $("input-shape").textContent = `${kind}, ${shape.join(" × ")}`;
  $("output-shape").textContent = `${claims.output.kind}, ${claims.output.shape.slice(1).join(" × ")}`;
  const frame = kind === "tokens" ? null : pictureOf(shape);
  const first = Array.from({ length: Math.min(input.length, 64) }, (_, i) => i);
  $("input").replaceChildren(kind === "tokens" ? tokens(input) : frame ? picture(input, frame) : bars(input, null, first, -1));
  $("input-cells").textContent = Array.from(input, number).join(" ");
  let indices = Array.from(output.keys());
  const many = indices.length > SHOWN + 4;
  if (many && !all) indices = indices.sort((a, b) => output[b] - output[a]).slice(0, SHOWN);
  $("output").replaceChildren(bars(output, integers, indices, output.length > 1 ? best : -1));
  $("all").hidden = !many;
  $("all").textContent = all ? `Show the ${SHOWN} largest` : `Show all ${output.length} in order`;
  $("all").onclick = () => showSample(index, !all);
}

for (const place of ["bundle", "reference"]) {
  $(place).addEventListener("change", () => {
    const chosen = [...$(place).files];
    // So that the same file, changed on disk, can be chosen again.
    $(place).value = "";
    takeAll(chosen, place);
  });
}
$("files").addEventListener("submit", (event) => event.preventDefault());
$("security").addEventListener("change", verify);
$("stop").addEventListener("click", () => engine.stop());
$("sample").addEventListener("change", () => showSample(Number($("sample").value)));
$("previous").addEventListener("click", () => showSample(Number($("sample").value) - 1));
$("next").addEventListener("click", () => showSample(Number($("sample").value) + 1));

let depth = 0;
const over = (on) => { $("overlay").hidden = !on; };
addEventListener("dragenter", (event) => { event.preventDefault(); depth++; over(true); });
addEventListener("dragleave", () => { depth = Math.max(0, depth - 1); over(depth > 0); });
addEventListener("dragover", (event) => event.preventDefault());
addEventListener("drop", (event) => {
  event.preventDefault();
  depth = 0;
  over(false);
  const wanted = event.target.closest?.("#drop-bundle") ? "bundle" : event.target.closest?.("#drop-reference") ? "reference" : "any";
  takeAll([...event.dataTransfer.files], wanted);
});
