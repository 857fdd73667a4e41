const data = JSON.parse(byId("data").textContent);
const rendered = data.rows.filter((row) => row.video);
const videos = [];
const W = 230, H = 44;

function lead() {
  const seconds = (frames) => `${digits(frames / data.fps, 1)} s`;
  byId("lead").textContent =
    `${data.person}: learned from ${seconds(data.learned_frames)} of the first ` +
    `${seconds(data.train_frames)}, ` +
    (data.audio
      ? `rendered ${seconds(data.test_frames)} to the audio of ${data.audio}`
      : `rendered the last ${seconds(data.test_frames)}`) +
    (data.pose ? `, with the head motion of ${data.pose}` : "") + ` (split ${data.split}).`;
  byId("notes").append(...data.notes.map((note) => make("li", {}, note)));
}

function drawCurve(row) {
  const mean = data.rows.find((other) => other.name === "mean-crop");
  const all = data.rows.filter((other) => other.name !== "ground-truth").flatMap((other) => other.curve);
  const seen = all.filter(known);
  if (row.name === "ground-truth" || !seen.length) return null;
  const x = scale(0, Math.max(1, row.curve.length), 0, W);
  const y = scale(Math.min(...seen), Math.max(...seen), H - 2, 2);
  const points = (curve) => curve.map((value, at) => [x(at + 0.5), value === null ? null : y(value)]);
  const now = line(0, 0, 0, H, "now");
  now.dataset.now = "";
  return make(
    "svg",
    { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": "PSNR by second" },
    mean && mean !== row ? make("path", { d: path(points(mean.curve)), class: "beside" }) : null,
    make("path", { d: path(points(row.curve)) }),
    now
  );
}

function player(row, at) {
  const video = make("video", { src: row.video, muted: at > 0, playsinline: true, preload: "auto" });
  video.muted = at > 0;
  const toNow = () => { video.currentTime = timeOf(Number(byId("time").value)); };
  video.addEventListener("loadeddata", toNow, { once: true });
  videos.push(video);
  return make(
    "figure",
    { class: at === 0 ? "top" : "" },
    video,
    make("figcaption", { title: row.meaning }, make("b", {}, row.name), ` ${row.meaning}`),
    drawCurve(row)
  );
}

function show(frame) {
  const last = data.test_frames - 1, at = Math.min(last, Math.max(0, frame));
  byId("time").value = at;
  byId("at").textContent = `${digits(at / data.fps, 2)} s, frame ${at}`;
  for (const mark of document.querySelectorAll("[data-now]")) {
    const x = (at / Math.max(1, data.test_frames)) * W;
    mark.setAttribute("x1", x); mark.setAttribute("x2", x);
  }
  return at;
}
function seek(frame) {
  const at = show(frame);
  for (const video of videos) video.currentTime = timeOf(at);
}
const timeOf = (frame) => (frame + 0.5) / data.fps;
const frameNow = () => Math.floor((videos[0] ? videos[0].currentTime : 0) * data.fps + 1e-6);

function play() {
  const paused = videos[0].paused;
  byId("play").textContent = paused ? "Pause" : "Play";
  for (const video of videos) paused ? video.play() : video.pause();
  if (paused) requestAnimationFrame(keepTogether);
}
function keepTogether() {
  const first = videos[0];
  show(frameNow());
  if (first.paused || first.ended) {
    byId("play").textContent = "Play";
    for (const video of videos) video.pause();
    return;
  }
  for (const video of videos)
    if (Math.abs(video.currentTime - first.currentTime) > 0.08) video.currentTime = first.currentTime;
  requestAnimationFrame(keepTogether);
}

function drawTable() {
  const named = (column) => `${column.title}${column.unit ? `, ${column.unit}` : ""} ${arrowOf(column)}`;
  const head = ["", ...data.columns.map(named)].map((text) => make("th", { scope: "col" }, text));
  const rows = data.rows.map((row) => {
    const cells = data.columns.map((column) => make("td", {}, drawCell(row.cells[column.name], column.digits)));
    return make("tr", {}, make("th", { scope: "row", title: row.meaning }, row.name, remarks(row)), cells);
  });
  byId("table").append(make("thead", {}, make("tr", {}, head)), make("tbody", {}, rows));
}
function remarks(row) {
  const remark = (text, bad) => make("div", { class: "words small " + (bad ? "marked" : "soft") }, text);
  return [
    row.below.length ? remark(`no better than shuffled: ${row.below.join(", ")}`, true) : null,
    row.reason ? remark(row.reason, row.status === "failed") : null
  ];
}
function drawCell(cell, count) {
  if (!cell) return "–";
  const reach = known(cell.low) ? ` ± ${digits((cell.high - cell.low) / 2, count)}` : "";
  const gain = known(cell.gain)
    ? make("div", { class: "soft small" }, `${cell.gain > 0 ? "+" : ""}${digits(cell.gain, count)}` +
        (known(cell.gain_low) ? ` (${digits(cell.gain_low, count)} to ${digits(cell.gain_high, count)})` : ""))
    : null;
  return [`${digits(cell.value, count)}${reach}`, gain].map((part) => part && make("div", {}, part));
}

lead();
byId("players").append(...rendered.map(player));
byId("time").max = data.test_frames - 1;
byId("time").addEventListener("input", () => seek(Number(byId("time").value)));
byId("play").addEventListener("click", play);
byId("back").addEventListener("click", () => seek(frameNow() - 1));
byId("on").addEventListener("click", () => seek(frameNow() + 1));
byId("seconds").append(
  ...data.seconds.map(([second, psnr]) =>
    make(
      "button",
      { type: "button", onclick: () => seek(second * data.fps) },
      `${second} s · ${digits(psnr, 1)} dB`
    )
  )
);
drawTable();
if (data.seconds.length) seek(data.seconds[0][0] * data.fps); else show(0);
