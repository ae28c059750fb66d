// The webcam, and its newest frame as a small JPEG.

const QUALITY = 0.85;

export class Camera {
  #video;
  #canvas = document.createElement("canvas");
  #stream = null;
  #facing = "user";
  #busy = false;
  mirrored = false;

  constructor(video) {
    this.#video = video;
  }

  static get isPossible() {
    return Boolean(navigator.mediaDevices?.getUserMedia);
  }

  get isOn() {
    return this.#stream !== null;
  }

  // Ask for the camera. Throws the browser's error; its name is the reason.
  async start() {
    this.stop();
    const stream = await navigator.mediaDevices.getUserMedia({
      audio: false,
      video: { facingMode: this.#facing, width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } },
    });
    this.#stream = stream;
    const track = stream.getVideoTracks()[0];
    track.onended = () => stream === this.#stream && this.stop();
    // People expect to see themselves mirrored; a camera that faces away is not mirrored.
    this.mirrored = track.getSettings().facingMode !== "environment";
    this.#video.srcObject = stream;
    await this.#video.play();
  }

  stop() {
    this.#stream?.getTracks().forEach((track) => track.stop());
    this.#stream = null;
    this.#video.srcObject = null;
  }

  async flip() {
    this.#facing = this.#facing === "user" ? "environment" : "user";
    await this.start();
  }

  async hasSeveral() {
    const devices = await navigator.mediaDevices.enumerateDevices();
    return devices.filter((device) => device.kind === "videoinput").length > 1;
  }

  // Calls `each` for every new frame of the camera, for as long as the page is shown.
  watch(each) {
    const video = this.#video;
    const next = video.requestVideoFrameCallback
      ? () => video.requestVideoFrameCallback(tick)
      : () => requestAnimationFrame(tick);
    const tick = () => {
      each();
      next();
    };
    next();
  }

  // The newest frame as JPEG bytes, its longer side at most `size` px; null where there is none yet.
  async grab(size) {
    const { videoWidth, videoHeight } = this.#video;
    if (this.#busy || !this.isOn || !videoWidth) return null;
    this.#busy = true;
    try {
      const scale = Math.min(1, size / Math.max(videoWidth, videoHeight));
      const width = 2 * Math.round((videoWidth * scale) / 2);
      const height = 2 * Math.round((videoHeight * scale) / 2);
      const canvas = this.#canvas;
      if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
      const context = canvas.getContext("2d", { alpha: false });
      context.setTransform(this.mirrored ? -1 : 1, 0, 0, 1, this.mirrored ? width : 0, 0);
      context.drawImage(this.#video, 0, 0, width, height);
      const blob = await new Promise((done) => canvas.toBlob(done, "image/jpeg", QUALITY));
      return blob && (await blob.arrayBuffer());
    } finally {
      this.#busy = false;
    }
  }
}
