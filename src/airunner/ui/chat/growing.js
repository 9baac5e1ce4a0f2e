// HTML that changes in one place: what is the same before and after it is not sent again.
export default {
  template: "<div></div>",
  props: { content: String },
  mounted() {
    this.shown = this.content || "";
    this.$el.innerHTML = this.shown;
  },
  methods: {
    patch(begin, changed, end) {
      const from = this.shown.length - end;
      this.shown = this.shown.slice(0, begin) + changed + this.shown.slice(from);
      this.draw();
    },
    // What is pressed is left there until it is let go: it would be another's by then, and the
    // click lost.
    draw() {
      if (!this.$el.matches(":active")) this.$el.innerHTML = this.shown;
      else if (!this.waits) {
        this.waits = new AbortController();
        const { signal } = this.waits;
        const again = () => {
          this.waits.abort();
          this.waits = null;
          setTimeout(() => this.draw()); // behind the click
        };
        for (const end of ["pointerup", "pointercancel", "dragend", "keyup"])
          addEventListener(end, again, { signal });
      }
    },
  },
};
