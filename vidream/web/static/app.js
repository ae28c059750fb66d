// The page: connects camera, socket, stage and controls, and shows the state.

import { Camera } from "./camera.js";
import { Clips } from "./clips.js";
import { Controls } from "./controls.js";
import { $, toast } from "./dom.js";
import { Link } from "./link.js";
import { hideVeil, showVeil, Stage } from "./stage.js";

const link = new Link();
const camera = new Camera($("camera"));
const stage = new Stage();
const controls = new Controls(link);
const clips = new Clips(link, camera, stage);
let size = 640;
let asked = false;
let waiting = false;

const TROUBLES = {
  NotAllowedError: ["The camera is blocked", "Allow it beside the address, then try again."],
  NotFoundError: ["No camera here", "Plug one in and try again, or dream a clip or a picture."],
  NotReadableError: ["The camera is busy", "Another program or page uses it. Close that, then try again."],
};
const INSECURE = "Browsers give the camera only to https pages and to localhost.\nDream a clip or a picture instead, or open this page over https.";

async function startCamera() {
  asked = true;
  if (!Camera.isPossible) {
    const [title, text] = isSecureContext ? TROUBLES.NotFoundError : ["No camera on this page", INSECURE];
    return noCamera(title, text);
  }
  showVeil({ title: "Allow the camera", text: "Your browser asks for it now. Its pictures go to this server only, and are not kept.", busy: true, choose: true });
  try {
    await camera.start();
  } catch (error) {
    const [title, text] = TROUBLES[error.name] ?? ["The camera does not start", error.message];
    return noCamera(title, text);
  }
  $("film").hidden = true;
  $("film").pause();
  showMirror();
  camera.hasSeveral().then((several) => ($("flip").hidden = !several));
  waiting = true;
  showVeil({ title: "Starting", text: "The first dream is being made.", busy: true });
  navigator.wakeLock?.request("screen").catch(() => {});
}

function noCamera(title, text) {
  camera.stop();
  enable(false);
  $("flip").hidden = !Camera.isPossible;
  showVeil({ title, text, again: Camera.isPossible ? "Try again" : "", choose: true });
}

function enable(on) {
  for (const id of ["mirror", "before", "record", "freeze", "snap"]) $(id).disabled = !on;
}

function showMirror() {
  $("camera").classList.toggle("mirrored", camera.mirrored);
  $("mirror").setAttribute("aria-pressed", String(camera.mirrored));
}

stage.canCompare = () => camera.isOn && !$("before").disabled;
stage.onFirst = () => {
  if (!waiting) return;
  waiting = false;
  enable(true);
  hideVeil();
};

camera.watch(async () => {
  if (!link.hasRoom) return;
  const jpeg = await camera.grab(size);
  if (jpeg && link.hasRoom) link.sendFrame(jpeg);
});

// State of the connection

link.addEventListener("state", ({ detail: { state, words } }) => {
  if (state === "open") return;
  enable(false);
  if (state === "connecting") showVeil({ title: "One moment", busy: true });
  if (state === "lost") showVeil({ title: "Connection lost", text: "Trying again until the server answers.", busy: true });
  if (state === "full") showVeil({ title: "The server is full", text: "This page connects as soon as another one is closed.", busy: true });
  if (state === "idle") showVeil({ title: "Paused", text: "Nothing happened on this page for a long time.", again: "Continue" });
  if (state === "refused") showVeil({ title: "The server refused this page", text: words, again: "Try again" });
  if (state === "token") showVeil({ title: "A token is needed", text: words || "It is in the address that vidream web printed.", token: true });
});

link.addEventListener("said", ({ detail: said }) => {
  if (said.type === "hello") welcome(said);
  else if (said.type === "error") toast(said.error);
  else if (said.type === "figures") showFigures(said);
  else clips.hear(said);
});
link.addEventListener("picture", ({ detail }) => camera.isOn && stage.show(detail.data));
link.addEventListener("preview", ({ detail }) => clips.preview(detail.data));

function welcome(hello) {
  size = hello.size;
  clips.begin(hello);
  controls.begin(hello);
  setFrozen(false);
  if (!asked) startCamera();
  else if (camera.isOn) {
    waiting = true;
    showVeil({ title: "Starting", text: "The first dream is being made.", busy: true });
  } else noCamera("No camera", "Try again, or dream a clip or a picture.");
}

function showFigures(figures) {
  const rows = [
    ["pictures", `${stage.shownPerSecond.toFixed(1)} a second`],
    ["dreams", `${figures.dream_fps.toFixed(1)} a second`],
    ["delay", `${Math.round(link.roundTripMs)} ms`],
    ["size", `${figures.width}x${figures.height}, dreamed at ${figures.dreamed_width}x${figures.dreamed_height}`],
    ["dropped", `${figures.dropped_frames} frames`],
  ];
  const list = $("figures");
  list.replaceChildren();
  for (const [name, value] of rows) {
    list.append(Object.assign(document.createElement("dt"), { textContent: name }));
    list.append(Object.assign(document.createElement("dd"), { textContent: value }));
  }
}

// Buttons and keys

function setFrozen(on) {
  $("freeze").setAttribute("aria-pressed", String(on));
  link.say({ type: "freeze", on });
}

$("veil-again").onclick = () => (link.isOpen ? startCamera() : link.connect());
$("token-form").onsubmit = async (event) => {
  event.preventDefault();
  const trouble = await link.login($("token").value);
  $("token").value = "";
  if (trouble) showVeil({ title: "A token is needed", text: trouble, token: true });
  else link.connect();
};
$("mirror").onclick = () => {
  camera.mirrored = !camera.mirrored;
  showMirror();
};
$("flip").onclick = () => (camera.isOn ? camera.flip().then(showMirror, () => startCamera()) : startCamera());
$("freeze").onclick = () => setFrozen($("freeze").getAttribute("aria-pressed") !== "true");
$("figures-toggle").onclick = (event) => {
  const shown = $("figures").hidden;
  $("figures").hidden = !shown;
  event.currentTarget.setAttribute("aria-pressed", String(shown));
};
clips.onStart = () => !camera.isOn && hideVeil();

const writes = (element) => element.matches?.("input:not([type=radio],[type=checkbox],[type=range]), select, textarea");
addEventListener("keydown", (event) => {
  if (event.repeat || event.ctrlKey || event.metaKey || event.altKey || writes(event.target)) return;
  const key = event.key.toLowerCase();
  if (key === "b") stage.before(true);
  else if (key === "r") clips.record();
  else if (key === "s") stage.save();
  else if (key === "f") stage.fill();
});
addEventListener("keyup", (event) => event.key.toLowerCase() === "b" && stage.before(false));

// Files dropped on the page

let over = 0;
const drop = $("drop");
const hasFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
const zone = (event) => event.target.closest?.("[data-drop]")?.dataset.drop;
addEventListener("dragenter", (event) => {
  if (!hasFiles(event)) return;
  event.preventDefault();
  over += 1;
  drop.hidden = false;
});
addEventListener("dragleave", () => {
  over = Math.max(0, over - 1);
  drop.hidden = over === 0;
});
addEventListener("dragover", (event) => {
  if (!hasFiles(event)) return;
  event.preventDefault();
  for (const part of drop.children) part.classList.toggle("is-over", part.dataset.drop === zone(event));
});
addEventListener("drop", (event) => {
  event.preventDefault();
  over = 0;
  drop.hidden = true;
  const file = event.dataTransfer?.files[0];
  if (!file) return;
  if (zone(event) === "guide" || event.target.closest?.("#guides")) controls.takeGuide(file);
  else clips.dream(file);
});

// The page is closed, shown again, or comes back

addEventListener("pagehide", () => link.leave());
addEventListener("pageshow", (event) => event.persisted && link.connect());
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && link.state === "lost") link.connect();
});

link.begin();
