// A picture with what is painted over it. Shapes come from the server; a stroke goes to it
// when the brush is lifted.
export default {
  template: `
    <div class="painting" :style="{ '--shape': width / height }">
      <img :src="source" alt="" draggable="false">
      <canvas ref="canvas" :width="scale * width" :height="scale * height" role="img"
        :aria-label="words" @pointerdown="begin" @pointermove="move" @pointerup="end"
        @pointercancel="end"></canvas>
    </div>`,
  props: { source: String, width: Number, height: Number, brush: Number, shapes: Array, words: String },
  data() {
    return { scale: Math.max(1, Math.min(16, Math.round(512 / Math.max(this.width, this.height)))) };
  },
  mounted() {
    this.stroke = null;
    this.sent = []; // strokes that the server has not told back yet
    this.draw();
  },
  watch: {
    shapes() {
      this.sent = [];
      this.$nextTick(this.draw);
    },
  },
  methods: {
    at(event) {
      const box = this.$refs.canvas.getBoundingClientRect();
      const round = (value) => Math.round(value * 10) / 10;
      return [
        round(((event.clientX - box.left) * this.width) / box.width),
        round(((event.clientY - box.top) * this.height) / box.height),
      ];
    },
    begin(event) {
      if (event.button) return;
      event.preventDefault();
      this.$refs.canvas.setPointerCapture(event.pointerId);
      this.stroke = { kind: "stroke", width: this.brush, points: [this.at(event)] };
      this.draw();
    },
    move(event) {
      if (!this.stroke || !event.buttons) return;
      const [x, y] = this.at(event);
      const [lastX, lastY] = this.stroke.points.at(-1);
      if (Math.hypot(x - lastX, y - lastY) < this.brush / 8) return;
      this.stroke.points.push([x, y]);
      this.draw();
    },
    end() {
      if (!this.stroke) return;
      this.$emit("stroke", { points: this.stroke.points, width: this.stroke.width });
      this.sent.push(this.stroke);
      this.stroke = null;
    },
    // Stripes of two colours are seen over whatever is painted.
    stripes(pen) {
      const colours = getComputedStyle(this.$refs.canvas);
      const tile = document.createElement("canvas");
      tile.width = tile.height = 12;
      const ink = tile.getContext("2d");
      ink.fillStyle = colours.getPropertyValue("--ink");
      ink.fillRect(0, 0, 12, 12);
      ink.strokeStyle = colours.getPropertyValue("--paper");
      ink.lineWidth = 4;
      for (const x of [-12, 0, 12]) {
        ink.moveTo(x - 1, 13);
        ink.lineTo(x + 13, -1);
      }
      ink.stroke();
      const pattern = pen.createPattern(tile, "repeat");
      pattern.setTransform(new DOMMatrix().scale(1 / this.scale));
      return pattern;
    },
    draw() {
      const canvas = this.$refs.canvas;
      const pen = canvas.getContext("2d");
      pen.setTransform(this.scale, 0, 0, this.scale, 0, 0);
      pen.clearRect(0, 0, this.width, this.height);
      pen.fillStyle = pen.strokeStyle = this.stripes(pen);
      pen.lineCap = pen.lineJoin = "round";
      for (const shape of [...this.shapes, ...this.sent, ...(this.stroke ? [this.stroke] : [])]) {
        if (shape.kind === "rectangle") {
          pen.fillRect(shape.left, shape.top, shape.width, shape.height);
          continue;
        }
        pen.lineWidth = shape.width;
        pen.beginPath();
        pen.moveTo(...shape.points[0]);
        for (const point of shape.points) pen.lineTo(...point);
        pen.stroke();
      }
    },
  },
};
