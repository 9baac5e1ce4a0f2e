// HTML that grows: what is the same as before is not sent again.
export default {
  template: "<div></div>",
  props: { content: String },
  mounted() {
    this.shown = this.content || "";
    this.$el.innerHTML = this.shown;
  },
  methods: {
    patch(kept, rest) {
      this.shown = this.shown.slice(0, kept) + rest;
      this.$el.innerHTML = this.shown;
    },
  },
};
