// The microphone: one button that starts and stops, with the time and how loud it is.
import { clock } from "./stage.js";

const KINDS = ["audio/webm;codecs=opus", "audio/mp4", "audio/ogg;codecs=opus"];

export function recorder({ button, meter, say, done, most }) {
  let running = null;
  const label = button.textContent;
  const why = () => {
    if (!window.isSecureContext) return "Browsers allow recording on this computer's own address or over HTTPS only.";
    if (!navigator.mediaDevices || !window.MediaRecorder) return "This browser cannot record.";
    return "";
  };

  const stop = () => { if (running && running.media.state !== "inactive") running.media.stop(); };

  const start = async () => {
    const refused = why();
    if (refused) { say(refused, true); return; }
    let stream;
    try {
      // As the microphone hears it: what speech filters take away may be what is to be classified.
      stream = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false } });
    } catch (error) {
      say(error.name === "NotAllowedError" ? "The microphone was not allowed. Allow it in the browser's address bar." : `No microphone: ${error.message}`, true);
      return;
    }
    const kind = KINDS.find((k) => MediaRecorder.isTypeSupported(k));
    const media = new MediaRecorder(stream, kind ? { mimeType: kind } : {});
    const parts = [];
    const began = performance.now();
    const context = new AudioContext();
    const ear = context.createAnalyser();
    ear.fftSize = 1024;
    context.createMediaStreamSource(stream).connect(ear);
    const samples = new Float32Array(ear.fftSize);
    running = { media };
    button.classList.add("on");
    button.setAttribute("aria-pressed", "true");
    meter.hidden = false;
    say("Recording. Press the button again to stop.");
    const tick = setInterval(() => {
      const seconds = (performance.now() - began) / 1000;
      button.textContent = `Stop · ${clock(seconds)}`;
      ear.getFloatTimeDomainData(samples);
      const loud = 20 * Math.log10(Math.max(1e-5, ...samples.map(Math.abs)));
      meter.firstElementChild.style.width = `${Math.max(0, Math.min(100, 100 * (1 + loud / 60)))}%`;
      if (seconds >= most()) stop();
    }, 100);
    media.addEventListener("dataavailable", (event) => { if (event.data.size) parts.push(event.data); });
    media.addEventListener("stop", () => {
      clearInterval(tick);
      stream.getTracks().forEach((track) => track.stop());
      context.close();
      running = null;
      button.classList.remove("on");
      button.setAttribute("aria-pressed", "false");
      button.textContent = label;
      meter.hidden = true;
      const type = (media.mimeType || kind || "audio/webm").split(";")[0];
      const when = new Date().toTimeString().slice(0, 8).replaceAll(":", ".");
      done(new File(parts, `recording ${when}.${type.split("/")[1]}`, { type }));
    });
    media.start();
  };

  button.setAttribute("aria-pressed", "false");
  button.addEventListener("click", () => (running ? stop() : start()));
}
