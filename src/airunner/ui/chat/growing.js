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
      this.$el.innerHTML = this.shown;
    },
  },
};
