// A sound drawn: outline, log-mel spectrogram, the scores of classes over time, and a cursor that follows playback.

const MAGMA = [[0, 0, 4], [28, 16, 68], [79, 18, 123], [129, 37, 129], [181, 54, 122], [229, 80, 100], [251, 135, 97], [254, 194, 135], [252, 253, 191]];
const ROW = 22; // CSS pixels of a class, as in theme.css

export const element = (tag, properties = {}, ...children) => {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name in made && name !== "list") made[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...children.filter((c) => c !== null && c !== undefined));
  return made;
};

export const clock = (seconds) => {
  const whole = Math.floor(seconds);
  const rest = String(whole % 60).padStart(2, "0");
  return whole >= 3600 ? `${Math.floor(whole / 3600)}:${String(Math.floor(whole / 60) % 60).padStart(2, "0")}:${rest}` : `${Math.floor(whole / 60)}:${rest}`;
};

export const percent = (share, digits = 0) => `${(100 * share).toFixed(digits)}\u00a0%`;

const bytes = (text, Kind) => {
  const raw = atob(text);
  const made = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i += 1) made[i] = raw.charCodeAt(i);
  return Kind ? new Kind(made.buffer) : made;
};

const resolved = (probe, name) => { probe.style.color = `var(${name})`; return getComputedStyle(probe).color; };

const magma = (() => {
  const table = new Uint8ClampedArray(256 * 3);
  for (let i = 0; i < 256; i += 1) {
    const at = (i / 255) * (MAGMA.length - 1);
    const low = Math.min(Math.floor(at), MAGMA.length - 2);
    for (let c = 0; c < 3; c += 1) table[3 * i + c] = MAGMA[low][c] + (at - low) * (MAGMA[low + 1][c] - MAGMA[low][c]);
  }
  return table;
})();

const sized = (canvas) => {
  const ratio = Math.min(window.devicePixelRatio || 1, 2);
  const width = Math.max(1, Math.round(canvas.clientWidth * ratio));
  const height = Math.max(1, Math.round(canvas.clientHeight * ratio));
  if (canvas.width !== width || canvas.height !== height) { canvas.width = width; canvas.height = height; }
  const pen = canvas.getContext("2d");
  pen.clearRect(0, 0, width, height);
  return [pen, width, height, ratio];
};

const image = (view) => {
  const data = bytes(view.mel);
  const made = document.createElement("canvas");
  made.width = view.columns;
  made.height = view.bands;
  const pen = made.getContext("2d");
  const pixels = pen.createImageData(view.columns, view.bands);
  for (let x = 0; x < view.columns; x += 1) {
    for (let y = 0; y < view.bands; y += 1) {
      const value = data[x * view.bands + y];
      const at = 4 * ((view.bands - 1 - y) * view.columns + x);
      pixels.data[at] = magma[3 * value];
      pixels.data[at + 1] = magma[3 * value + 1];
      pixels.data[at + 2] = magma[3 * value + 2];
      pixels.data[at + 3] = 255;
    }
  }
  pen.putImageData(pixels, 0, 0);
  return made;
};

const hatch = (pen, colour, ratio) => {
  const size = Math.round(8 * ratio);
  const tile = document.createElement("canvas");
  tile.width = tile.height = size;
  const line = tile.getContext("2d");
  line.strokeStyle = colour;
  line.lineWidth = ratio;
  for (const shift of [-size, 0, size]) { line.moveTo(shift, size); line.lineTo(shift + size, 0); }
  line.stroke();
  return pen.createPattern(tile, "repeat");
};

const toMel = (hz) => (hz < 1000 ? hz * 0.015 : 15 + (27 * Math.log(hz / 1000)) / Math.log(6.4));

/** Draw a sound. `player` is an <audio> or null; `classes` are shown in this order. Returns {node, close}. */
export function stage({ view, timeline, classes, best, player, words }) {
  const lanes = { outline: element("canvas", { className: "outline" }), mel: element("canvas", { className: "mel" }) };
  const heat = timeline && classes.length ? element("canvas", { className: "heat" }) : null;
  const time = element("canvas", { className: "time" });
  const node = element("div", { className: "stage" });
  const picture = element("div", { className: "lane", role: "img", "aria-label": words });
  const seconds = view.seconds;
  if (heat) heat.style.height = `${ROW * classes.length}px`;
  picture.append(lanes.outline, lanes.mel);
  if (heat) picture.append(heat);
  picture.append(time);
  const side = element("div", { className: "side", "aria-hidden": "true" });
  const space = element("div", { className: "outline" });
  const scale = element("div", { className: "mel" });
  for (const hz of [100, 1000, 4000, 10000]) {
    if (hz > view.top * 0.95) continue;
    const mark = element("span", { className: "hz" }, hz < 1000 ? `${hz} Hz` : `${hz / 1000} kHz`);
    mark.style.top = `${100 * (1 - toMel(hz) / toMel(view.top))}%`;
    scale.append(mark);
  }
  scale.style.position = "relative";
  side.append(space, scale);
  if (heat) side.append(element("ul", { className: "names" }, ...classes.map((c) => element("li", { className: c === best ? "best" : "", title: c }, c))));
  const over = element("div", { className: "over" });
  const cursor = element("div", { className: "cursor", hidden: true });
  const told = element("output", { "aria-hidden": "true" });
  cursor.append(told);
  over.append(cursor);
  side.style.gridRow = "1";
  picture.style.gridRow = "1";
  node.append(side, picture, over);
  const picked = image(view);
  const edges = bytes(view.outline, Int8Array);

  const paint = () => {
    if (!node.isConnected || !picture.clientWidth) return;
    const accent = resolved(over, "--accent");
    const ink = resolved(over, "--muted");
    let [pen, width, height, ratio] = sized(lanes.outline);
    pen.fillStyle = accent;
    const share = (view.columns * view.step) / seconds; // the last column may reach beyond the end
    for (let x = 0; x < width; x += 1) {
      const from = Math.floor((x / width / share) * view.columns);
      const to = Math.max(from + 1, Math.floor(((x + 1) / width / share) * view.columns));
      let low = 0, high = 0;
      for (let i = from; i < to && i < view.columns; i += 1) { low = Math.min(low, edges[2 * i]); high = Math.max(high, edges[2 * i + 1]); }
      const top = (height / 2) * (1 - high / 127), bottom = (height / 2) * (1 - low / 127);
      pen.fillRect(x, top, 1, Math.max(ratio, bottom - top));
    }
    [pen, width, height] = sized(lanes.mel);
    pen.imageSmoothingQuality = "high";
    pen.drawImage(picked, 0, 0, Math.min(view.columns, seconds / view.step), view.bands, 0, 0, width, height);
    if (heat) {
      [pen, width, height, ratio] = sized(heat);
      const row = height / classes.length;
      const spans = timeline.map((piece, i) => {
        const end = i + 1 < timeline.length ? timeline[i + 1].start : Math.min(piece.end, seconds);
        const left = Math.round((piece.start / seconds) * width), right = Math.round((Math.max(end, piece.start) / seconds) * width);
        return { piece, left, across: Math.max(1, right - left) };
      });
      pen.fillStyle = accent;
      classes.forEach((name, k) => {
        pen.globalAlpha = 0.07;
        pen.fillRect(0, k * row + ratio, width, row - 2 * ratio);
        for (const { piece, left, across } of spans) {
          if (piece.unknown || piece.reason) continue; // what is unknown is not painted as a class
          pen.globalAlpha = piece.scores[name];
          pen.fillRect(left, k * row + ratio, across, row - 2 * ratio);
        }
      });
      pen.globalAlpha = 0.45;
      pen.fillStyle = hatch(pen, ink, ratio);
      for (const { piece, left, across } of spans) if (piece.unknown || piece.reason) pen.fillRect(left, 0, across, height);
      pen.globalAlpha = 1;
    }
    [pen, width, height, ratio] = sized(time);
    pen.fillStyle = ink;
    pen.font = `${11.5 * ratio}px system-ui, sans-serif`;
    pen.textBaseline = "bottom";
    const wanted = seconds / Math.max(2, picture.clientWidth / 90);
    const step = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800].find((s) => s >= wanted) || 3600;
    for (let k = 0; k * step <= seconds; k += 1) {
      const at = k * step, x = (at / seconds) * width;
      const label = step < 1 ? at.toFixed(1) : clock(at);
      const room = pen.measureText(label).width;
      if (x + room / 2 > width && k) break;
      pen.fillRect(Math.min(x, width - ratio), 0, ratio, 4 * ratio);
      pen.fillText(label, Math.max(0, x - room / 2), height);
    }
  };

  const show = (at) => {
    cursor.hidden = false;
    const share = Math.min(1, at / seconds);
    cursor.style.left = `${100 * share}%`;
    told.textContent = seconds < 10 ? at.toFixed(1) : clock(at);
  };
  const place = (event) => {
    const box = over.getBoundingClientRect();
    return Math.min(seconds, Math.max(0, ((event.clientX - box.left) / box.width) * seconds));
  };
  let frame = 0;
  const follow = () => { show(player.currentTime); frame = player.paused ? 0 : requestAnimationFrame(follow); };
  if (player) {
    over.addEventListener("pointerdown", (event) => {
      over.setPointerCapture(event.pointerId);
      player.currentTime = place(event);
      show(player.currentTime);
    });
    over.addEventListener("pointermove", (event) => { if (event.buttons) { player.currentTime = place(event); show(player.currentTime); } });
    for (const name of ["play", "seeked", "timeupdate", "pause"]) player.addEventListener(name, () => { if (!frame) follow(); });
  }
  const watch = new ResizeObserver(paint);
  watch.observe(picture);
  const dark = matchMedia("(prefers-color-scheme: dark)");
  dark.addEventListener("change", paint);
  const close = () => { watch.disconnect(); dark.removeEventListener("change", paint); cancelAnimationFrame(frame); };
  return { node, close };
}
