// The page's behaviour. Everything that comes from data is put in as text, never as HTML.
"use strict";
const actorsup = (() => {
  const $ = (id) => document.getElementById(id);
  const inline = window.actorsupFiles || null; // a single-file page holds its files here
  const waiting = new Map();
  let rows = [], settings = {}, shown = 0, listed = [];

  // ------------------------------------------------------------------ files beside the page
  // no fetch: it does not work from disk, where script and video tags do
  const url = (path) => (inline ? inline[path] : "report_data/" + path);

  function details(row) {
    if (inline) return Promise.resolve(JSON.parse(inline[row.files + ".js"]));
    return new Promise((resolve, reject) => {
      waiting.set(row.files, resolve);
      const script = document.createElement("script");
      script.src = url(row.files + ".js");
      script.onerror = () => reject(new Error(script.src + " is not there: report_data/ belongs beside the page"));
      script.onload = () => script.remove();
      document.head.append(script);
    });
  }

  function element(name, attributes = {}, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
      if (key === "class") made.className = value;
      else if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
      else made.setAttribute(key, value);
    }
    made.append(...children.filter((child) => child !== null));
    return made;
  }

  // -------------------------------------------------------------------------------- tables
  function cell(row, column) {
    const text = row.cells[column].textContent.trim();
    return text === "" ? null : isNaN(text) ? text : Number(text);
  }

  function sortBy(table, column, header) {
    const up = header.getAttribute("aria-sort") !== "ascending";
    table.querySelectorAll("th").forEach((one) => one.removeAttribute("aria-sort"));
    header.setAttribute("aria-sort", up ? "ascending" : "descending");
    const body = table.tBodies[0];
    const order = [...body.rows].sort((a, b) => {
      const x = cell(a, column), y = cell(b, column);
      if (x === null || y === null) return (x === null) - (y === null);
      const way = typeof x === typeof y ? (x < y ? -1 : x > y ? 1 : 0) : typeof x === "number" ? -1 : 1;
      return up ? way : -way;
    });
    body.append(...order);
  }

  function download(table, name) {
    const quoted = (text) => (/[",\n]/.test(text) ? '"' + text.replaceAll('"', '""') + '"' : text);
    const lines = [...table.rows].map((row) => [...row.cells].map((one) => quoted(one.textContent.trim())).join(","));
    const blob = new Blob([lines.join("\n") + "\n"], { type: "text/csv" });
    const link = element("a", { href: URL.createObjectURL(blob), download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  function tables() {
    for (const box of document.querySelectorAll(".table")) {
      const table = box.querySelector("table");
      [...table.tHead.rows[0].cells].forEach((header, column) => {
        header.replaceChildren(element("button", { onclick: () => sortBy(table, column, header) }, header.textContent));
      });
      const bar = element("div", { class: "tablebar" });
      if (table.tBodies[0].rows.length > 12) {
        const find = element("input", { type: "search", placeholder: "filter rows", "aria-label": "Filter the rows of " + box.dataset.title });
        find.addEventListener("input", () => {
          const wanted = find.value.toLowerCase().split(/\s+/);
          for (const row of table.tBodies[0].rows) row.hidden = !wanted.every((word) => row.textContent.toLowerCase().includes(word));
        });
        bar.append(find);
      }
      bar.append(element("button", { onclick: () => download(table, box.dataset.file) }, "Download CSV"));
      box.prepend(bar);
    }
  }

  // -------------------------------------------------------------------------------- charts
  function charts() {
    const specs = [...document.querySelectorAll("script[type='application/vnd.vegalite+json']")];
    if (!specs.length) return;
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const draw = (target, spec) =>
      vegaEmbed(target, spec, { actions: { export: true, source: false, compiled: false, editor: false }, theme: dark.matches ? "dark" : undefined, config: { background: "transparent" }, renderer: "svg" });
    const watcher = new IntersectionObserver((entries) => {
      for (const entry of entries.filter((one) => one.isIntersecting)) {
        watcher.unobserve(entry.target);
        const script = entry.target.parentElement.querySelector("script");
        const spec = JSON.parse(script.textContent);
        draw(entry.target, spec);
        dark.addEventListener("change", () => draw(entry.target, spec));
      }
    }, { rootMargin: "600px" });
    specs.forEach((script) => watcher.observe(script.parentElement.querySelector(".chart")));
  }

  // ------------------------------------------------------------------------------- gallery
  const PAGE = 24;
  const orders = {
    best: (a, b) => (b.quality ?? -1) - (a.quality ?? -1),
    worst: (a, b) => (a.quality ?? 2) - (b.quality ?? 2),
    score: (a, b) => (b.score ?? -1) - (a.score ?? -1),
    name: () => 0,
  };

  function choices(id, values) {
    const known = [...new Set(values)].sort();
    $(id).append(...known.map((value) => element("option", {}, value)));
    if (known.length < 2) $(id).closest("label").hidden = true;
  }

  function refresh() {
    const wanted = Object.fromEntries(["class", "split", "outcome", "kind"].map((name) => [name, $("filter-" + name).value]));
    const least = Number($("filter-score").value), words = $("filter-name").value.toLowerCase();
    listed = rows.filter((row) =>
      (!wanted.class || row.labels.includes(wanted.class) || row.says === wanted.class) &&
      (!wanted.split || row.split === wanted.split) &&
      (!wanted.outcome || row.outcome === wanted.outcome) &&
      (!wanted.kind || row.kinds.includes(wanted.kind)) &&
      (!least || (row.score ?? 0) >= least) &&
      row.id.toLowerCase().includes(words));
    listed.sort(orders[$("filter-order").value]);
    shown = 0;
    $("cards").replaceChildren();
    $("counted").textContent = `${listed.length} of ${rows.length} videos`;
    more();
  }

  function card(row) {
    const badge = row.outcome ? element("span", { class: "badge " + row.outcome }, row.outcome === "right" ? "✓ right" : "✗ " + row.why) : null;
    const says = row.says === null ? "nothing predicted" : `${row.says} ${row.score.toFixed(2)}`;
    const button = element("button", { onclick: () => open(row) },
      element("img", { src: url(row.files + ".jpg"), alt: "", loading: "lazy" }),
      element("span", { class: "name" }, row.id),
      badge,
      element("span", { class: "said" }, says + (row.labels.length ? ` · is: ${row.labels.join(", ")}` : "")));
    return element("li", {}, button);
  }

  function more() {
    const next = listed.slice(shown, shown + PAGE);
    $("cards").append(...next.map(card));
    shown += next.length;
    $("more").hidden = shown >= listed.length;
  }

  function gallery() {
    if (!$("cards")) return;
    choices("filter-class", rows.flatMap((row) => [...row.labels, row.says]).filter(Boolean));
    choices("filter-split", rows.map((row) => row.split).filter(Boolean));
    choices("filter-outcome", rows.map((row) => row.outcome).filter(Boolean));
    choices("filter-kind", rows.flatMap((row) => row.kinds));
    if (!rows.some((row) => row.outcome)) $("filter-order").value = "score";
    document.querySelectorAll(".filters select, .filters input").forEach((one) => one.addEventListener("input", refresh));
    $("more").addEventListener("click", more);
    refresh();
  }

  // -------------------------------------------------------------------------------- player
  let current = null, running = 0, presented = null, wanted = null;
  const hidden = new Set();
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue("--" + name);

  function at(tube, frame) {
    return frame < tube.first ? null : tube.boxes[frame - tube.first] || null;
  }

  // The picture may lag behind the video's clock: where the browser says which one it shows, that is
  // taken. It tells when a frame begins, to a millisecond; a clock is somewhere inside of its frame.
  function frameNow() {
    const video = $("video");
    const frame = presented === null ? Math.floor(video.currentTime * current.rate + 0.01) : Math.round(presented * current.rate);
    return Math.min(current.frames - 1, Math.max(0, frame));
  }

  function watch() {
    const video = $("video");
    if (video.requestVideoFrameCallback)
      video.requestVideoFrameCallback((now, picture) => { presented = picture.mediaTime; draw(); watch(); });
  }

  const stepped = () => (($("video").seeking && wanted !== null) ? wanted : frameNow());

  function label(context, text, x, y, fill) {
    context.font = "600 13px system-ui, sans-serif";
    const width = context.measureText(text).width + 8;
    const left = Math.max(0, Math.min(x, context.canvas.clientWidth - width)), top = y < 18 ? y : y - 18;
    context.fillStyle = fill;
    context.fillRect(left, top, width, 18);
    context.fillStyle = "#000";
    context.fillText(text, left + 4, top + 13);
  }

  function box(context, [x1, y1, x2, y2], stroke, dash, width) {
    for (const [style, thick] of [["#000", width + 2], [stroke, width]]) {
      context.setLineDash(dash);
      context.strokeStyle = style;
      context.lineWidth = thick;
      context.strokeRect(x1, y1, x2 - x1, y2 - y1);
    }
  }

  function draw() {
    if (!current) return;
    const canvas = $("boxes"), video = $("video"), ratio = devicePixelRatio || 1;
    const width = canvas.clientWidth, height = canvas.clientHeight;
    if (!video.videoWidth) return; // nothing is known of it yet
    if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio);
    if (canvas.height !== Math.round(height * ratio)) canvas.height = Math.round(height * ratio);
    const context = canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    // the video is fitted into its element; its pixels may be fewer than the source's
    const zoom = Math.min(width / video.videoWidth, height / video.videoHeight);
    const [wide, high] = [video.videoWidth * zoom, video.videoHeight * zoom];
    const [left, top] = [(width - wide) / 2, (height - high) / 2];
    const x = (value) => left + (value * wide) / current.width, y = (value) => top + (value * high) / current.height;
    const placed = ([x1, y1, x2, y2]) => [x(x1), y(y1), x(x2), y(y2)];
    const frame = frameNow();
    const light = { true: "#56b4e9", predicted: "#e69f00", proposal: "#cc79a7", detection: "#2fbf8f" };
    if ($("show-detections").checked)
      for (const [x1, y1, x2, y2, score] of current.detections[frame] || []) {
        box(context, placed([x1, y1, x2, y2]), light.detection, [2, 2], 1);
        label(context, score.toFixed(2), placed([x1, y1, x2, y2])[0], placed([x1, y1, x2, y2])[3] + 18, light.detection);
      }
    if ($("show-proposals").checked)
      current.tubes.forEach((tube, number) => {
        const where = at(tube, frame);
        if (where) { box(context, placed(where), light.proposal, [], 1); label(context, "#" + (number + 1), placed(where)[0], placed(where)[1], light.proposal); }
      });
    const drawn = [];
    current.predictions.forEach((one, number) => drawn.push([one, "predicted", "predicted" + number, `${one.class} ${one.score.toFixed(2)}`]));
    // dashes over solid lines: where the two agree both are seen
    current.truth.forEach((tube, number) => drawn.push([tube, "true", "true" + number, tube.class]));
    for (const [tube, kind, key, text] of drawn) {
      const where = hidden.has(key) ? null : at(tube, frame);
      if (!where) continue;
      box(context, placed(where), light[kind], kind === "true" ? [7, 4] : [], 2);
      label(context, text, placed(where)[0], kind === "true" ? placed(where)[3] + (placed(where)[3] + 18 > height ? 0 : 18) : placed(where)[1], light[kind]);
    }
    canvas.dataset.frame = frame; // what a test can see
    canvas.dataset.boxes = drawn.map(([tube, , key]) => (hidden.has(key) ? "" : String(at(tube, frame)))).join(";");
    $("frame").textContent = `frame ${frame * current.step} of ${current.frames * current.step}, ${(frame / current.rate).toFixed(2)} s`;
    $("bars").querySelector(".now").style.left = (100 * (frame + 0.5)) / current.frames + "%";
    $("bars").querySelector("input").value = frame;
    $("bars").querySelector("input").setAttribute("aria-valuetext", $("frame").textContent);
    $("play").textContent = video.paused ? "Play" : "Pause";
  }

  function loop() {
    draw();
    running = requestAnimationFrame(loop);
  }

  function seek(frame) {
    $("video").pause();
    wanted = Math.min(current.frames - 1, Math.max(0, frame));
    $("video").currentTime = (wanted + 0.5) / current.rate;
  }

  function toggled(key) {
    const tick = element("input", { type: "checkbox" });
    tick.checked = !hidden.has(key);
    tick.addEventListener("change", () => { tick.checked ? hidden.delete(key) : hidden.add(key); draw(); });
    return tick;
  }

  function bar(tube, kind, name) {
    const span = element("span", { title: name });
    span.style.left = (100 * tube.first) / current.frames + "%";
    span.style.width = (100 * tube.boxes.length) / current.frames + "%";
    return element("div", { class: "bar " + kind }, span);
  }

  function lists(row) {
    hidden.clear();
    current.predictions.forEach((one, number) => { if (number >= Math.max(1, current.truth.length)) hidden.add("predicted" + number); });
    const line = (key, text, note) => element("li", {}, element("label", {}, toggled(key), " ", text), note ? element("small", {}, note) : null);
    $("predicted").replaceChildren(...current.predictions.map((one, number) =>
      line("predicted" + number, `${one.class} ${one.score.toFixed(3)}`, one.why)));
    if (!current.predictions.length) $("predicted").append(element("li", {}, "nothing"));
    $("true").replaceChildren(...current.truth.map((one, number) =>
      line("true" + number, one.class + (one.actor ? ` (${one.actor})` : ""), one.why)));
    $("true-list").hidden = !current.truth.length;
    $("proposals").replaceChildren(...current.tubes.map((tube, number) =>
      element("li", {}, element("button", { onclick: () => { $("show-proposals").checked = true; seek(tube.seed); } }, `#${number + 1}`),
        ` ${tube.actor} ${tube.score.toFixed(2)}, seed in frame ${tube.seed}` + (tube.overlap === null ? "" : `, IoU with the truth ${tube.overlap.toFixed(2)}`))));
    $("bars").replaceChildren(
      ...current.truth.map((one) => bar(one, "true", "ground truth: " + one.class)),
      ...current.predictions.slice(0, Math.max(3, current.truth.length)).map((one) => bar(one, "predicted", "predicted: " + one.class)),
      element("div", { class: "now" }),
      element("input", { type: "range", min: 0, max: current.frames - 1, value: 0, "aria-label": "Frame", oninput: (event) => seek(Number(event.target.value)) }));
    $("player-title").textContent = row.id;
    $("player-about").textContent = [row.labels.length ? "label: " + row.labels.join(", ") : "no label", row.split, current.about].filter(Boolean).join(" · ");
  }

  async function open(row) {
    const video = $("video");
    try {
      current = await details(row);
    } catch (error) {
      current = null;
      alert(error.message);
      return;
    }
    presented = wanted = null;
    video.src = url(row.files + ".webm");
    lists(row);
    history.replaceState(null, "", "#video=" + encodeURIComponent(row.id));
    $("player").showModal();
    $("player-title").focus();
    cancelAnimationFrame(running);
    loop();
    video.play().catch(() => {});
  }

  function player() {
    const video = $("video");
    video.loop = true;
    watch();
    $("play").addEventListener("click", () => (video.paused ? video.play() : video.pause()));
    $("back").addEventListener("click", () => seek(stepped() - 1));
    $("next").addEventListener("click", () => seek(stepped() + 1));
    $("speed").addEventListener("change", () => (video.playbackRate = Number($("speed").value)));
    $("player").addEventListener("close", () => {
      video.pause();
      video.removeAttribute("src");
      cancelAnimationFrame(running);
      current = null;
      history.replaceState(null, "", location.pathname + location.search);
    });
    $("player").addEventListener("keydown", (event) => {
      if (["INPUT", "SELECT", "BUTTON"].includes(event.target.tagName) && event.key === " ") return;
      const act = { " ": "play", ",": "back", ".": "next" }[event.key];
      if (act) { event.preventDefault(); $(act).click(); }
    });
  }

  function start() {
    tables();
    charts();
    gallery();
    player();
    const linked = decodeURIComponent((location.hash.match(/^#video=(.*)$/) || [])[1] || "");
    const row = rows.find((one) => one.id === linked);
    if (row) open(row);
  }

  document.addEventListener("DOMContentLoaded", start);
  return {
    index: (found) => { rows = found; },
    video: (files, found) => { waiting.get(files)?.(found); waiting.delete(files); },
  };
})();
