// The verifier, in a worker or, where a browser refuses one to a page from a file, in the page itself.
//
// Every verification has an instance of its own, so that memory is given back, and what a hostile file did to one instance is
// gone with it. A trap (no memory, or an overflow of 32 bits) is an error, never a verdict.

const VERDICTS = ["accepted", "rejected", "unreadable"];

/** Holds a bundle against a model or a key; both are Uint8Arrays. */
function judge(module, { bundle, reference, minSecurity }) {
  const start = performance.now();
  const { exports } = new WebAssembly.Instance(module, {});
  const put = (slot, bytes) => {
    const address = exports.winterforge_reserve(slot, bytes.length);
    if (address === 0) throw new Error("there is not enough memory for this file");
    new Uint8Array(exports.memory.buffer, address, bytes.length).set(bytes);
  };
  const take = (slot) => {
    const length = exports.winterforge_length(slot);
    return new Uint8Array(exports.memory.buffer, exports.winterforge_address(slot), length).slice();
  };
  put(0, bundle);
  put(1, reference);
  const begin = performance.now();
  const verdict = VERDICTS[exports.winterforge_verify(minSecurity)];
  const end = performance.now();
  const report = JSON.parse(new TextDecoder().decode(take(2)));
  if (report.verdict !== verdict) throw new Error("the verifier's answers do not agree");
  return {
    report,
    input: take(3).buffer,
    outputQ: take(4).buffer,
    output: take(5).buffer,
    verifyMs: end - begin,
    wholeMs: performance.now() - start,
  };
}

/**
 * Compiles the module, and tries it before anybody relies on it: it must accept the sample, and must not with a bit the other way
 * in any of four places. The browser has compiled by then what is called often, which the first file would have to wait for.
 */
async function prepare({ wasm, sample }) {
  const module = await WebAssembly.compile(wasm);
  const verdictOf = (bundle) => judge(module, { ...sample, bundle, minSecurity: 100 }).report.verdict;
  const bent = [1, 2, 3, 4].map((quarters) => sample.bundle.map((byte, i, { length }) =>
    i === Math.floor(quarters / 4 * length) - 1 ? byte ^ 1 : byte));
  if (verdictOf(sample.bundle) !== "accepted" || bent.map(verdictOf).includes("accepted")) {
    throw new Error("it fails its own test in this browser");
  }
  return module;
}

/** What a worker does: first come the module's bytes and the sample, then one job after another. */
function serve() {
  let module = null;
  onmessage = async ({ data }) => {
    try {
      if (data.wasm) {
        module = prepare(data);
        await module;
        postMessage({ ready: true });
      } else {
        postMessage({ id: data.id, judged: judge(await module, data) });
      }
    } catch (error) {
      postMessage({ id: data.id, failure: String(error && error.message || error) });
    }
  };
}

/**
 * Starts a verifier, from the module's bytes and the sample that it is tried on: `judge(job)` is a promise of a judgement, `stop()`
 * ends whatever it does.
 */
function startEngine(parts) {
  let count = 0;
  const waiting = new Map();
  let worker = null;
  let ready;
  let abandon;
  const start = () => {
    const source = `"use strict"; const VERDICTS = ${JSON.stringify(VERDICTS)}; ${judge}; ${prepare}; (${serve})();`;
    const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
    worker = new Worker(url);
    ready = new Promise((resolve, reject) => {
      abandon = reject;
      worker.onmessage = ({ data }) => {
        if (data.ready) return resolve();
        const job = waiting.get(data.id);
        if (!job) return reject(new Error(data.failure));
        waiting.delete(data.id);
        if (data.judged) job.resolve(data.judged);
        else job.reject(new Error(data.failure));
      };
      worker.onerror = (event) => reject(new Error(event.message || "a worker could not be started"));
    });
    // Whoever asks for a verdict is told.
    ready.catch(() => {});
    worker.postMessage(parts);
  };
  let local = null;
  let stops = 0;
  try {
    start();
  } catch {
    local = prepare(parts);
  }
  return {
    async judge(job) {
      const before = stops;
      if (!local) {
        try {
          await ready;
        } catch {
          if (stops === before) local = prepare(parts);
        }
      }
      if (stops !== before) throw new Error("stopped");
      if (local) return judge(await local, job);
      const id = ++count;
      return new Promise((resolve, reject) => {
        waiting.set(id, { resolve, reject });
        worker.postMessage({ id, ...job });
      });
    },
    stop() {
      stops++;
      if (local) return;
      worker.terminate();
      // A worker that is gone never gets ready.
      abandon(new Error("stopped"));
      for (const { reject } of waiting.values()) reject(new Error("stopped"));
      waiting.clear();
      start();
    },
  };
}
