const data = JSON.parse(byId("data").textContent);
// WIDEST: px that a canvas may have in every browser
const FPS = data.fps, CELL = data.cell, TILE = 48, WIDEST = 16000;
const clips = [...document.querySelectorAll("script.clip")].map((element) => JSON.parse(element.textContent));
const speechElsewhere = new Map(data.speech.map(([key, start, picture]) => [`${key}/${start}`, picture]));
const clipOf = new Map(clips.map((clip) => [clip.key, clip]));
const seconds = (clip) => clip.frames / FPS;
const two = (value) => digits(value, 2);
const anchorOf = (clip) => "#clip-" + encodeURIComponent(clip.key);
const text = (words) => make("bdi", {}, words);

// ---- time: every lane of a clip is as wide as its track, and time runs evenly over it ----
const timeAt = (x, width, clip) => Math.min(Math.max(x / width, 0), 1) * seconds(clip);
const frameAt = (time_s, clip) => Math.min(clip.frames - 1, Math.max(0, Math.floor(time_s * FPS + 1e-6)));
const percent = (frames, clip) => `${(100 * frames) / clip.frames}%`;

// ---- pictures ----
function picture(base64) {
  const image = new Image();
  image.src = "data:image/webp;base64," + base64;
  const ready = image.decode().then(() => image);
  ready.image = image;  // for those who cannot wait
  return ready;
}
const sheetOf = (clip) => (clip.sheet ||= picture(clip.lips));
const spectrumOf = (clip) => (clip.spectrumImage ||= picture(clip.spectrum));
function sized(canvas, width, height) {
  const dots = Math.min(window.devicePixelRatio || 1, WIDEST / width);
  canvas.width = Math.max(1, Math.round(width * dots));
  canvas.height = Math.max(1, Math.round(height * dots));
  const pen = canvas.getContext("2d");
  pen.imageSmoothingQuality = "high";
  return pen;
}
// fills the place; what does not fit is cut off evenly
function drawMouth(pen, sheet, frame, x, y, width, height) {
  const wide = Math.min(CELL, (CELL * width) / height), tall = Math.min(CELL, (CELL * height) / width);
  const left = (frame % data.columns) * CELL + (CELL - wide) / 2,
    top = Math.floor(frame / data.columns) * CELL + (CELL - tall) / 2;
  pen.drawImage(sheet, left, top, wide, tall, x, y, width, height);
}
function drawFilm(canvas, sheet, clip) {
  const { width, height } = canvas.getBoundingClientRect();
  const pen = sized(canvas, width, height),
    count = Math.min(clip.frames, Math.max(1, Math.round(width / TILE)));
  const wide = canvas.width / count;
  for (let tile = 0; tile < count; tile += 1)
    drawMouth(
      pen,
      sheet,
      frameAt(((tile + 0.5) * seconds(clip)) / count, clip),
      tile * wide,
      0,
      wide,
      canvas.height
    );
}

// ---- mouth points: 48 … 67 of the 68-point convention, in half pixels of the crop ----
function mouthPoints(clip) {
  return (clip.bytes ||= clip.points && Uint8Array.from(atob(clip.points), (letter) => letter.charCodeAt(0)));
}
function opening(clip) {  // distance of the inner lips' middles (62, 66), crop pixels
  const bytes = mouthPoints(clip);
  return bytes && Array.from({ length: clip.frames }, (_, frame) => {
    const at = frame * 40, [top, bottom] = [at + 28, at + 36];
    return Math.hypot(bytes[top] - bytes[bottom], bytes[top + 1] - bytes[bottom + 1]) / 2;
  });
}
function drawOpening(canvas, clip) {
  const { width, height } = canvas.getBoundingClientRect(), values = opening(clip);
  const pen = sized(canvas, width, height),
    most = Math.max(6, ...values),
    x = scale(0, clip.frames, 0, canvas.width),
    y = scale(0, most, canvas.height - 2, 4);
  pen.beginPath();
  pen.moveTo(0, canvas.height);
  values.forEach((value, frame) => pen.lineTo(x(frame + 0.5), y(value)));
  pen.lineTo(canvas.width, canvas.height);
  pen.fillStyle = "#f8765c55";
  pen.fill();
  pen.strokeStyle = "#fd9a6a";
  pen.lineWidth = window.devicePixelRatio || 1;
  pen.stroke();
}

// ---- one sound for the page; the clip that plays holds it ----
const sound = new Audio();
sound.preservesPitch = true;
let playing = null;
function stop() {
  if (!playing) return;
  sound.pause();
  playing.shows("▶ Play");
  playing = null;
}
function play(card) {
  stop();
  if (card.time_s >= seconds(card.clip) - 0.5 / FPS) card.seek(0);
  const source = "data:audio/flac;base64," + card.clip.audio;
  if (sound.card !== card) { sound.src = source; sound.card = card; }
  sound.currentTime = card.time_s;
  sound.playbackRate = card.rate;
  playing = card;
  card.shows("❚❚ Pause");
  sound.play().then(() => requestAnimationFrame(follows), stop);
}
function follows() {
  if (!playing) return;
  if (sound.ended) { playing.at(seconds(playing.clip)); stop(); return; }
  playing.at(sound.currentTime);
  requestAnimationFrame(follows);
}
