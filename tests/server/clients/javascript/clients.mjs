// The npm clients `openai` and `ollama` against a server: `node clients.mjs URL MODEL`.
// Prints one line of JSON for each check; an assertion that fails ends the process.
import assert from "node:assert/strict";
import OpenAI from "openai";
import { Ollama } from "ollama";

const [url, model] = process.argv.slice(2);
const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey: "none", maxRetries: 0 });
const ollama = new Ollama({ host: url });
const messages = [{ role: "user", content: "Tell me about the sea." }];
const weather = {
  type: "object",
  properties: { city: { type: "string", maxLength: 20 }, days: { enum: [1, 2, 3] } },
  required: ["city", "days"],
  additionalProperties: false,
};
const tools = [
  { type: "function", function: { name: "weather", description: "Weather.", parameters: weather } },
];
const asked = { model, messages, temperature: 0, max_tokens: 12 };

const checks = {
  async "openai: whole and streamed are the same"() {
    const whole = await openai.chat.completions.create(asked);
    assert.equal(whole.usage.completion_tokens, 12);
    let text = "";
    let usage = null;
    const stream = await openai.chat.completions.create({
      ...asked,
      stream: true,
      stream_options: { include_usage: true },
    });
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta?.content ?? "";
      usage = chunk.usage ?? usage;
    }
    assert.equal(text, whole.choices[0].message.content);
    assert.equal(usage.completion_tokens, 12);
  },

  async "openai: a required call is valid, and its result goes on"() {
    const called = await openai.chat.completions.create({
      ...asked,
      max_tokens: 100,
      tools,
      tool_choice: "required",
    });
    const { message, finish_reason } = called.choices[0];
    assert.equal(finish_reason, "tool_calls");
    const call = message.tool_calls[0];
    assert.ok([1, 2, 3].includes(JSON.parse(call.function.arguments).days));
    const result = { role: "tool", tool_call_id: call.id, content: "sunny" };
    const next = await openai.chat.completions.create({
      ...asked,
      tools,
      tool_choice: "none",
      messages: [...messages, message, result],
    });
    assert.equal(next.choices[0].message.tool_calls, undefined);
  },

  async "openai: an answer matches its schema"() {
    const schema = {
      type: "object",
      properties: { mood: { enum: ["calm", "wild"] } },
      required: ["mood"],
      additionalProperties: false,
    };
    const found = await openai.chat.completions.create({
      ...asked,
      max_tokens: 40,
      response_format: { type: "json_schema", json_schema: { name: "mood", schema } },
    });
    assert.ok(["calm", "wild"].includes(JSON.parse(found.choices[0].message.content).mood));
  },

  async "openai: a response is streamed"() {
    let text = "";
    let last = null;
    const body = { model, input: "Tell me about the sea.", max_output_tokens: 16, stream: true };
    for await (const event of await openai.responses.create(body)) {
      if (event.type === "response.output_text.delta") text += event.delta;
      last = event;
    }
    assert.ok(text.length > 0);
    assert.equal(last.response.output_text ?? last.response.output[0].content[0].text, text);
  },

  async "openai: errors are told"() {
    await assert.rejects(openai.chat.completions.create({ ...asked, model: "no/such" }), (error) => {
      assert.equal(error.status, 404);
      assert.equal(error.code, "model_not_found");
      return true;
    });
  },

  async "openai: a stream is left"() {
    const stream = await openai.chat.completions.create({ ...asked, max_tokens: 1900, stream: true });
    for await (const _ of stream) break;
    assert.ok(stream.controller.signal.aborted);
  },

  async "ollama: whole and streamed are the same"() {
    const options = { temperature: 0, num_predict: 12 };
    const whole = await ollama.chat({ model, messages, options });
    assert.equal(whole.eval_count, 12);
    let text = "";
    for await (const part of await ollama.chat({ model, messages, options, stream: true })) {
      text += part.message.content;
    }
    assert.equal(text, whole.message.content);
  },

  async "ollama: models are listed and shown, errors are told"() {
    const { models } = await ollama.list();
    assert.ok(models.some((each) => each.name === model));
    assert.ok((await ollama.show({ model })).capabilities.includes("tools"));
    await assert.rejects(ollama.chat({ model: "no/such", messages }), { status_code: 404 });
  },
};

for (const [name, check] of Object.entries(checks)) {
  await check();
  console.log(JSON.stringify({ passed: name }));
}
