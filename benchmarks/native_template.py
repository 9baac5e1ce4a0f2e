"""A chat template with tools, for weights whose own has none.

It renders tools and calls as Qwen and many others do, in the fewest lines from which
llama.cpp learns how calls are written. With it the embedded model goes the way of a
model with native tool calling: what that costs can be measured, how well it calls cannot.
"""

TOOL_TEMPLATE = r"""
{%- if tools %}
    {{- "<|im_start|>system\n# Tools\n\n<tools>" }}
    {%- for tool in tools %}
        {{- "\n" }}{{- tool | tojson }}
    {%- endfor %}
    {{- "\n</tools>\n\nFor each function call, return a JSON object in XML tags:\n" }}
    {{- "<tool_call>\n{\"name\": <function-name>, \"arguments\": <args-json-object>}\n" }}
    {{- "</tool_call><|im_end|>\n" }}
{%- endif %}
{%- for message in messages %}
    {%- if message.role == "tool" %}
        {{- "<|im_start|>user\n<tool_response>\n" + message.content }}
        {{- "\n</tool_response>" }}
    {%- else %}
        {{- "<|im_start|>" + message.role + "\n" + message.content }}
        {%- for call in message.tool_calls or [] %}
            {{- "<tool_call>\n{\"name\": \"" + call.function.name + "\", \"arguments\": " }}
            {{- call.function.arguments | tojson }}
            {{- "}\n</tool_call>" }}
        {%- endfor %}
    {%- endif %}
    {{- "<|im_end|>\n" }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- "<|im_start|>assistant\n" }}
{%- endif %}
"""
