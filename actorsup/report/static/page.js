// The script of the page. Data is inserted as text, never as HTML.
"use strict";
const actorsup = (() => {
  const $ = (id) => document.getElementById(id);
  const inlined = window.actorsupFiles || null; // the files of a single-file page
  const waiting = new Map();
  let rows = [], filtered = [], shown = 0; // all cards, those that pass the filters, and how many are on the page

  // ------------------------------------------------------------------ files
  // browsers refuse fetch() on a page opened from disk, but load script and video tags
  const url = (path) => (inlined ? inlined[path] : "report_data/" + path);

  function details(row) {
    if (inlined) return Promise.resolve(JSON.parse(inlined[row.files + ".js"]));
    return new Promise((resolve, reject) => {
      waiting.set(row.files, resolve);
      const script = document.createElement("script");
      script.src = url(row.files + ".js");
      script.onerror = () => reject(new Error(script.src + " is missing; put the folder report_data/ next to the page"));
      script.onload = () => script.remove();
      document.head.append(script);
    });
  }

  function element(name, attributes = {}, ...children) {
    const node = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
      if (key === "class") node.className = value;
      else if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
      else node.setAttribute(key, value);
    }
    node.append(...children.filter((child) => child !== null));
    return node;
  }

  // -------------------------------------------------------------------------------- tables
  function cell(row, column) {
    const text = row.cells[column].textContent.trim();
    return text === "" ? null : isNaN(text) ? text : Number(text);
  }

  function sortBy(table, column, header) {
    const ascending = header.getAttribute("aria-sort") !== "ascending";
    table.querySelectorAll("th").forEach((one) => one.removeAttribute("aria-sort"));
    header.setAttribute("aria-sort", ascending ? "ascending" : "descending");
    const body = table.tBodies[0];
    const order = [...body.rows].sort((a, b) => {
      const x = cell(a, column), y = cell(b, column);
      if (x === null || y === null) return (x === null) - (y === null);
      const comparison = typeof x === typeof y ? (x < y ? -1 : x > y ? 1 : 0) : typeof x === "number" ? -1 : 1;
      return ascending ? comparison : -comparison;
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
        const search = element("input", { type: "search", placeholder: "filter rows", "aria-label": "Filter the rows of " + box.dataset.title });
        search.addEventListener("input", () => {
          const words = search.value.toLowerCase().split(/\s+/);
          for (const row of table.tBodies[0].rows) row.hidden = !words.every((word) => row.textContent.toLowerCase().includes(word));
        });
        bar.append(search);
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
    const observer = new IntersectionObserver((entries) => {
      for (const entry of entries.filter((one) => one.isIntersecting)) {
        observer.unobserve(entry.target);
        const script = entry.target.parentElement.querySelector("script");
        const spec = JSON.parse(script.textContent);
        draw(entry.target, spec);
        dark.addEventListener("change", () => draw(entry.target, spec));
      }
    }, { rootMargin: "600px" });
    specs.forEach((script) => observer.observe(script.parentElement.querySelector(".chart")));
  }

  // ------------------------------------------------------------------------------- gallery
  const PAGE = 24;
  const orders = {
    best: (a, b) => (b.quality ?? -1) - (a.quality ?? -1),
    worst: (a, b) => (a.quality ?? 2) - (b.quality ?? 2),
    score: (a, b) => (b.score ?? -1) - (a.score ?? -1),
    name: () => 0,
  };

  function fillSelect(id, values) {
    const options = [...new Set(values)].sort();
    $(id).append(...options.map((value) => element("option", {}, value)));
    if (options.length < 2) $(id).closest("label").hidden = true;
  }

  function refresh() {
    const wanted = Object.fromEntries(["class", "split", "outcome", "kind"].map((name) => [name, $("filter-" + name).value]));
    const minimum = Number($("filter-score").value), words = $("filter-name").value.toLowerCase();
    filtered = rows.filter((row) =>
      (!wanted.class || row.labels.includes(wanted.class) || row.says === wanted.class) &&
      (!wanted.split || row.split === wanted.split) &&
      (!wanted.outcome || row.outcome === wanted.outcome) &&
      (!wanted.kind || row.kinds.includes(wanted.kind)) &&
      (!minimum || (row.score ?? 0) >= minimum) &&
      row.id.toLowerCase().includes(words));
    filtered.sort(orders[$("filter-order").value]);
    shown = 0;
    $("cards").replaceChildren();
    $("counted").textContent = `${filtered.length} of ${rows.length} videos`;
    showMore();
  }

  function card(row) {
    const badge = row.outcome ? element("span", { class: "badge " + row.outcome }, row.outcome === "right" ? "✓ right" : "✗ " + row.why) : null;
    const says = row.says === null ? "no prediction" : `${row.says} ${row.score.toFixed(2)}`;
    const button = element("button", { onclick: () => open(row) },
      element("img", { src: url(row.files + ".jpg"), alt: "", loading: "lazy" }),
      element("span", { class: "name" }, row.id),
      badge,
      element("span", { class: "said" }, says + (row.labels.length ? ` · label: ${row.labels.join(", ")}` : "")));
    return element("li", {}, button);
  }

  function showMore() {
    const next = filtered.slice(shown, shown + PAGE);
    $("cards").append(...next.map(card));
    shown += next.length;
    $("more").hidden = shown >= filtered.length;
  }

  function gallery() {
    if (!$("cards")) return;
    fillSelect("filter-class", rows.flatMap((row) => [...row.labels, row.says]).filter(Boolean));
    fillSelect("filter-split", rows.map((row) => row.split).filter(Boolean));
    fillSelect("filter-outcome", rows.map((row) => row.outcome).filter(Boolean));
    fillSelect("filter-kind", rows.flatMap((row) => row.kinds));
    if (!rows.some((row) => row.outcome)) $("filter-order").value = "score";
    document.querySelectorAll(".filters select, .filters input").forEach((one) => one.addEventListener("input", refresh));
    $("more").addEventListener("click", showMore);
    refresh();
  }

  // -------------------------------------------------------------------------------- player
  // the details of the open video; its animation frame; the time of the frame on screen; the frame of the last seek
  let current = null, animation = 0, presented = null, target = null;
  const hidden = new Set();

  function boxAt(tube, frame) {
    return frame < tube.first ? null : tube.boxes[frame - tube.first] || null;
  }

  // The frame on screen may lag behind the video's clock. Browsers with requestVideoFrameCallback report the
  // start of the presented frame to a millisecond; the clock is a time within the frame.
  function currentFrame() {
    const video = $("video");
    let frame = presented === null ? Math.floor(video.currentTime * current.rate + 0.01) : Math.round(presented * current.rate);
    if (current.times) frame = lastBefore(current.times, presented === null ? video.currentTime : presented + 0.002);
    return Math.min(current.frames - 1, Math.max(0, frame));
  }

  // videos of a variable rate list the start of each frame and their end, in seconds
  const startOf = (frame) => (current.times ? current.times[frame] : frame / current.rate);

  // index of the last of the ascending times that is not after the given time
  function lastBefore(times, time) {
    let first = 0, end = times.length;
    while (end - first > 1) {
      const middle = (first + end) >> 1;
      if (times[middle] <= time) first = middle;
      else end = middle;
    }
    return first;
  }

  function watchFrames() {
    const video = $("video");
    if (video.requestVideoFrameCallback)
      video.requestVideoFrameCallback((now, metadata) => { presented = metadata.mediaTime; draw(); watchFrames(); });
  }

  // repeated steps count from the frame that is being sought
  const frameToStepFrom = () => (($("video").seeking && target !== null) ? target : currentFrame());

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
    if (!video.videoWidth) return; // its size is not known yet
    if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio);
    if (canvas.height !== Math.round(height * ratio)) canvas.height = Math.round(height * ratio);
    const context = canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    // boxes are in source pixels; the video may be smaller, and is scaled to fit its element
    const zoom = Math.min(width / video.videoWidth, height / video.videoHeight);
    const [shownWidth, shownHeight] = [video.videoWidth * zoom, video.videoHeight * zoom];
    const [left, top] = [(width - shownWidth) / 2, (height - shownHeight) / 2];
    const x = (value) => left + (value * shownWidth) / current.width, y = (value) => top + (value * shownHeight) / current.height;
    const toScreen = ([x1, y1, x2, y2]) => [x(x1), y(y1), x(x2), y(y2)];
    const frame = currentFrame();
    const colors = { true: "#56b4e9", predicted: "#e69f00", proposal: "#cc79a7", detection: "#2fbf8f" };
    if ($("show-detections").checked)
      for (const [x1, y1, x2, y2, score] of current.detections[frame] || []) {
        box(context, toScreen([x1, y1, x2, y2]), colors.detection, [2, 2], 1);
        label(context, score.toFixed(2), toScreen([x1, y1, x2, y2])[0], toScreen([x1, y1, x2, y2])[3] + 18, colors.detection);
      }
    if ($("show-proposals").checked)
      current.tubes.forEach((tube, number) => {
        const position = boxAt(tube, frame);
        if (position) { box(context, toScreen(position), colors.proposal, [], 1); label(context, "#" + (number + 1), toScreen(position)[0], toScreen(position)[1], colors.proposal); }
      });
    const drawn = [];
    current.predictions.forEach((one, number) => drawn.push([one, "predicted", "predicted" + number, `${one.class} ${one.score.toFixed(2)}`]));
    // ground truth is dashed and drawn last, so that both show where they coincide
    current.truth.forEach((tube, number) => drawn.push([tube, "true", "true" + number, tube.class]));
    for (const [tube, kind, key, text] of drawn) {
      const position = hidden.has(key) ? null : boxAt(tube, frame);
      if (!position) continue;
      box(context, toScreen(position), colors[kind], kind === "true" ? [7, 4] : [], 2);
      label(context, text, toScreen(position)[0], kind === "true" ? toScreen(position)[3] + (toScreen(position)[3] + 18 > height ? 0 : 18) : toScreen(position)[1], colors[kind]);
    }
    canvas.dataset.frame = frame; // for tests
    canvas.dataset.boxes = drawn.map(([tube, , key]) => (hidden.has(key) ? "" : String(boxAt(tube, frame)))).join(";");
    $("frame").textContent = `frame ${frame * current.step} of ${current.frames * current.step}, ${startOf(frame).toFixed(2)} s`;
    $("bars").querySelector(".now").style.left = (100 * (frame + 0.5)) / current.frames + "%";
    $("bars").querySelector("input").value = frame;
    $("bars").querySelector("input").setAttribute("aria-valuetext", $("frame").textContent);
    $("play").textContent = video.paused ? "Play" : "Pause";
  }

  function animate() {
    draw();
    animation = requestAnimationFrame(animate);
  }

  function seek(frame) {
    $("video").pause();
    target = Math.min(current.frames - 1, Math.max(0, frame));
    $("video").currentTime = (startOf(target) + startOf(target + 1)) / 2;
  }

  function visibilityCheckbox(key) {
    const checkbox = element("input", { type: "checkbox" });
    checkbox.checked = !hidden.has(key);
    checkbox.addEventListener("change", () => { checkbox.checked ? hidden.delete(key) : hidden.add(key); draw(); });
    return checkbox;
  }

  function bar(tube, kind, name) {
    const span = element("span", { title: name });
    span.style.left = (100 * tube.first) / current.frames + "%";
    span.style.width = (100 * tube.boxes.length) / current.frames + "%";
    return element("div", { class: "bar " + kind }, span);
  }

  function fillPlayer(row) {
    hidden.clear();
    current.predictions.forEach((one, number) => { if (number >= Math.max(1, current.truth.length)) hidden.add("predicted" + number); });
    const item = (key, text, note) => element("li", {}, element("label", {}, visibilityCheckbox(key), " ", text), note ? element("small", {}, note) : null);
    $("predicted").replaceChildren(...current.predictions.map((one, number) =>
      item("predicted" + number, `${one.class} ${one.score.toFixed(3)}`, one.why)));
    if (!current.predictions.length) $("predicted").append(element("li", {}, "none"));
    $("true").replaceChildren(...current.truth.map((one, number) =>
      item("true" + number, one.class + (one.actor ? ` (${one.actor})` : ""), one.why)));
    $("true-list").hidden = !current.truth.length;
    $("proposals").replaceChildren(...current.tubes.map((tube, number) =>
      element("li", {}, element("button", { onclick: () => { $("show-proposals").checked = true; seek(tube.seed); } }, `#${number + 1}`),
        ` ${tube.actor} ${tube.score.toFixed(2)}, seed in frame ${tube.seed}` + (tube.overlap === null ? "" : `, IoU with ground truth ${tube.overlap.toFixed(2)}`))));
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
    presented = target = null;
    video.src = url(row.files + ".webm");
    fillPlayer(row);
    history.replaceState(null, "", "#video=" + encodeURIComponent(row.id));
    $("player").showModal();
    $("player-title").focus();
    cancelAnimationFrame(animation);
    animate();
    video.play().catch(() => {});
  }

  function player() {
    const video = $("video");
    video.loop = true;
    watchFrames();
    $("play").addEventListener("click", () => (video.paused ? video.play() : video.pause()));
    $("back").addEventListener("click", () => seek(frameToStepFrom() - 1));
    $("next").addEventListener("click", () => seek(frameToStepFrom() + 1));
    $("speed").addEventListener("change", () => (video.playbackRate = Number($("speed").value)));
    $("player").addEventListener("close", () => {
      video.pause();
      video.removeAttribute("src");
      cancelAnimationFrame(animation);
      current = null;
      history.replaceState(null, "", location.pathname + location.search);
    });
    $("player").addEventListener("keydown", (event) => {
      if (["INPUT", "SELECT", "BUTTON"].includes(event.target.tagName) && event.key === " ") return;
      const button = { " ": "play", ",": "back", ".": "next" }[event.key];
      if (button) { event.preventDefault(); $(button).click(); }
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
    index: (cards) => { rows = cards; },
    video: (files, content) => { waiting.get(files)?.(content); waiting.delete(files); },
  };
})();
