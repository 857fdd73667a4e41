const data = JSON.parse(byId("data").textContent);
const WORDS = ["bad", "poor", "fair", "good", "excellent"];
const ASKED = {
  lip_sync: "Do the lips move as the speech is heard?",
  image_quality: "How clear are the images?",
  realness: "Could this be a recording of a person?"
};
const COLUMNS = ["study", "rater", "position", "clip", ...Object.keys(data.scales), "seconds", "saved"];
let rater = "", order = [], answers = {}, place = 0, shownAt = 0, address = "";

const storeOf = () => `speechlip-study-${data.study}-${rater}`;
function remember() {  // a page that is closed goes on where it was
  try { localStorage.setItem(storeOf(), JSON.stringify(answers)); } catch { /* private window */ }
}
function recall() {
  try { return JSON.parse(localStorage.getItem(storeOf())) || {}; } catch { return {}; }
}
// An order of each rater's own, the same whenever they come back.
function hashed(text) {
  let hash = 2166136261;
  for (const letter of text) hash = Math.imul(hash ^ letter.codePointAt(0), 16777619);
  return hash >>> 0;
}
function shuffled(list, seed) {
  const dealt = [...list];
  let state = seed;
  const random = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
  for (let last = dealt.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [dealt[last], dealt[other]] = [dealt[other], dealt[last]];
  }
  return dealt;
}
function asCsv() {
  const cell = (value) => {
    const text = String(value ?? ""), safe = /^[=+\-@\t\r]/.test(text) ? "'" + text : text;
    return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  const rows = order.map((clip, position) => ({ ...answers[clip.clip], position: position + 1, clip: clip.clip }))
    .filter((row) => Object.keys(data.scales).some((scale) => row[scale]))
    .map((row) => ({ ...row, study: data.study, rater }));
  return [COLUMNS, ...rows.map((row) => COLUMNS.map((name) => row[name]))]
    .map((row) => row.map(cell).join(",")).join("\n") + "\n";
}
function save() {
  const url = URL.createObjectURL(new Blob([asCsv()], { type: "text/csv" }));
  const name = rater.replace(/[^\p{L}\p{N}_-]+/gu, "_");
  const link = make("a", { href: url, download: `study-${data.study}-${name}.csv` });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}
function videoOf(clip) {
  if (address) URL.revokeObjectURL(address);
  const bytes = Uint8Array.from(atob(clip.video), (letter) => letter.charCodeAt(0));
  address = URL.createObjectURL(new Blob([bytes], { type: clip.type }));
  return make("video", { src: address, controls: true, playsinline: true, preload: "auto" });
}
function scaleOf(scale, own, changed) {
  const points = Array.from({ length: data.best }, (_, at) => {
    const input = make("input", { type: "radio", name: scale, value: String(at + 1), checked: own[scale] === at + 1 });
    input.addEventListener("change", () => changed(scale, at + 1));
    return make("label", {}, input, make("b", {}, String(at + 1)), WORDS[at]);
  });
  return make(
    "fieldset",
    {},
    make("legend", {}, data.scales[scale]),
    make("p", { class: "soft small" }, ASKED[scale] || ""),
    make("div", { class: "points" }, points)
  );
}
function ask() {
  if (place >= order.length) return finish();
  const clip = order[place], own = (answers[clip.clip] = answers[clip.clip] || {});
  const next = make("button", { type: "button" }, place + 1 < order.length ? "Next" : "To the end");
  const whole = () => (next.disabled = !own.played || Object.keys(data.scales).some((scale) => !own[scale]));
  const video = videoOf(clip);
  video.addEventListener("ended", () => { own.played = true; whole(); remember(); });
  video.addEventListener("error", () => { own.played = true; whole(); });
  next.addEventListener("click", () => {
    own.seconds = Math.round((own.seconds || 0) + (Date.now() - shownAt) / 1000);
    own.saved = new Date().toISOString();
    remember();
    place += 1;
    ask();
  });
  shownAt = Date.now();
  whole();
  const back = make("button", { type: "button", onclick: () => { place -= 1; ask(); } }, "Back");
  byId("lead").textContent = `${clip.clip}, ${place + 1} of ${order.length}`;
  byId("stage").replaceChildren(
    video,
    make("p", { class: "soft small" }, "Watch to the end, with sound; as often as you like."),
    ...Object.keys(data.scales).map((scale) =>
      scaleOf(scale, own, (name, value) => { own[name] = value; whole(); remember(); })
    ),
    make("p", {}, place ? back : "", " ", next)
  );
}
function finish() {
  byId("lead").textContent = "Thank you.";
  byId("stage").replaceChildren(
    make("p", {}, "Save your answers and send the file to whoever asked you."),
    make("button", { type: "button", id: "save", onclick: save }, "Save answers"),
    make("p", {}, make("button", { type: "button", onclick: () => { place -= 1; ask(); } }, "Back"))
  );
}
function begin() {
  const name = make("input", { type: "text", id: "rater", maxlength: "60", autocomplete: "off" });
  const start = () => {
    if (!name.value.trim()) return name.focus();
    rater = name.value.trim();
    order = shuffled(data.clips, hashed(rater));
    answers = recall();
    const open = order.findIndex((clip) => !(answers[clip.clip] || {}).saved);
    place = open < 0 ? order.length : open;
    ask();
  };
  byId("lead").textContent = `${counted(data.clips.length, "video")}, three questions on each: from 1, bad, to 5, excellent.`;
  byId("stage").replaceChildren(
    make("p", {}, "Wear headphones. Nothing leaves this page but the file that you save at its end."),
    make("p", {}, make("label", {}, "Your name or number ", name)),
    make("button", { type: "button", id: "start", onclick: start }, "Start")
  );
}
begin();
