// One sound to the server and its answer back: how far it is, and an end to it when nobody wants it any more.

const POLL = 400; // milliseconds between two questions how far the work is
const TRIES = 20; // of a busy server
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const name = () => [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, "0")).join("");

/** Post `form`; `tell(words, share)` says how far it is (share: 0 to 1, or null). Returns {status, told, wait}. */
function post(path, form, headers, signal, tell) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const job = name();
    let over = false, sent = false;
    const ends = (what) => (value) => { over = true; what(value); };
    const ask = async () => {
      while (!over) {
        const answer = await fetch(`api/jobs/${job}`, { headers, signal }).catch(() => null);
        const found = answer?.ok ? await answer.json().catch(() => null) : null;
        if (found && !over) tell(found.state === "waiting" ? "waiting for the server …" : "listening …", found.share);
        await pause(POLL);
      }
    };
    const uploaded = () => {
      if (sent) return;
      sent = true;
      tell("listening …", null);
      ask();
    };
    request.open("POST", `${path}&job=${job}`);
    for (const [key, value] of Object.entries(headers)) request.setRequestHeader(key, value);
    request.upload.addEventListener("progress", (event) => { if (!sent && event.lengthComputable) tell("sending …", event.loaded / event.total); });
    request.upload.addEventListener("load", uploaded);
    request.addEventListener("load", () => {
      let told = null;
      try { told = JSON.parse(request.responseText); } catch { /* no JSON: the status says enough */ }
      ends(resolve)({ status: request.status, told, wait: Number(request.getResponseHeader("retry-after") || 2) });
    });
    request.addEventListener("error", () => ends(reject)(new Error("no answer")));
    request.addEventListener("abort", () => ends(reject)(new DOMException("cancelled", "AbortError")));
    signal.addEventListener("abort", () => request.abort(), { once: true });
    request.send(form);
  });
}

/** The same, patient with a busy server. Raises AbortError if `signal` says so. */
export async function send(path, form, headers, signal, tell) {
  for (let tries = 0; ; tries += 1) {
    signal.throwIfAborted();
    const found = await post(path, form, headers, signal, tell);
    if (found.status !== 503 || tries >= TRIES) return found;
    tell("waiting for the server …", null);
    await pause(1000 * found.wait);
  }
}
