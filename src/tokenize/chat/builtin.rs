//! Chat templates for tokenizers that bring none, chosen by the tokens that the vocabulary has.
//!
//! Each is the Jinja that is written into `tokenizer_config.json`, `{% generation %}` tags included,
//! so that `transformers`, vLLM and llama.cpp prompt the model exactly as it was trained.

/// Where a template writes BOS if texts begin with it.
pub(super) const BOS: &str = "{BOS}";

/// A chat template that prep brings.
#[derive(Debug)]
pub struct BuiltIn {
    /// What `--chat-template` calls it.
    pub name: &'static str,
    /// What it looks like.
    pub about: &'static str,
    /// Tokens without which it makes no sense.
    pub needs: &'static [&'static str],
    /// Whether a vocabulary that has these tokens gets it unasked; the first such row is taken.
    pub(super) chosen_by: &'static [&'static str],
    pub(super) source: &'static str,
}

/// The templates, in the order in which they are considered. `plain` fits every vocabulary.
pub const BUILT_IN: [BuiltIn; 6] = [
    BuiltIn {
        name: "llama3",
        about: "<|start_header_id|>user<|end_header_id|> … <|eot_id|>, as Llama 3",
        needs: &["<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"],
        chosen_by: &["<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"],
        source: LLAMA3,
    },
    BuiltIn {
        name: "chatml",
        about: "<|im_start|>user … <|im_end|>, as Qwen and many others",
        needs: &["<|im_start|>", "<|im_end|>"],
        chosen_by: &["<|im_start|>", "<|im_end|>"],
        source: CHATML,
    },
    BuiltIn {
        name: "roles",
        about: "<|user|> … <|assistant|> … EOS, as Zephyr and Phi",
        needs: &["<|user|>", "<|assistant|>", "<|system|>"],
        chosen_by: &["<|user|>", "<|assistant|>", "<|system|>"],
        source: ROLES,
    },
    BuiltIn {
        name: "mistral",
        about: "[INST] … [/INST] … EOS, as Mistral",
        needs: &[],
        chosen_by: &["[INST]", "[/INST]"],
        source: MISTRAL,
    },
    BuiltIn {
        name: "llama2",
        about: "BOS [INST] <<SYS>> … [/INST] … EOS for each exchange, as Llama 2",
        needs: &[],
        chosen_by: &["[INST]", "[/INST]", "<<SYS>>"],
        source: LLAMA2,
    },
    BuiltIn {
        name: "plain",
        about: "User: … Assistant: … EOS, in ordinary words",
        needs: &[],
        chosen_by: &[],
        source: PLAIN,
    },
];

/// The template of that name.
pub(in super::super) fn find(name: &str) -> Option<&'static BuiltIn> {
    BUILT_IN.iter().find(|row| row.name == name)
}

/// Names of all templates.
pub(super) fn names() -> Vec<&'static str> {
    BUILT_IN.iter().map(|row| row.name).collect()
}

/// The first template whose tokens the vocabulary has.
pub(in super::super) fn choose(has: impl Fn(&str) -> bool) -> &'static BuiltIn {
    let fits = |row: &&BuiltIn| row.chosen_by.iter().all(|token| has(token));
    BUILT_IN
        .iter()
        .find(fits)
        .unwrap_or(&BUILT_IN[BUILT_IN.len() - 1])
}

const LLAMA3: &str = r"{BOS}
{%- for message in messages %}
    {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n' }}
    {%- if message['role'] == 'assistant' %}
        {%- generation %}
            {{- message['content'] + '<|eot_id|>' }}
        {%- endgeneration %}
    {%- else %}
        {{- message['content'] + '<|eot_id|>' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start_header_id|>assistant<|end_header_id|>\n\n' }}
{%- endif %}
";

const CHATML: &str = r"{BOS}
{%- for message in messages %}
    {{- '<|im_start|>' + message['role'] + '\n' }}
    {%- if message['role'] == 'assistant' %}
        {%- generation %}
            {{- message['content'] + '<|im_end|>' }}
        {%- endgeneration %}
        {{- '\n' }}
    {%- else %}
        {{- message['content'] + '<|im_end|>\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\n' }}
{%- endif %}
";

const ROLES: &str = r#"{BOS}
{%- for message in messages %}
    {%- if message['role'] not in ['system', 'user', 'assistant'] %}
        {{- raise_exception('the chat template "roles" knows system, user and assistant, not ' + message['role']) }}
    {%- endif %}
    {{- '<|' + message['role'] + '|>\n' }}
    {%- if message['role'] == 'assistant' %}
        {%- generation %}
            {{- message['content'] + eos_token }}
        {%- endgeneration %}
    {%- else %}
        {{- message['content'] + '\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|assistant|>\n' }}
{%- endif %}
"#;

const MISTRAL: &str = r"{BOS}
{%- set ns = namespace(system='', expected='user') %}
{%- for message in messages %}
    {%- if message['role'] == 'system' and loop.first %}
        {%- set ns.system = message['content'] + '\n\n' %}
    {%- elif message['role'] != ns.expected %}
        {{- raise_exception('after an optional system message, roles must alternate user, assistant, user, assistant') }}
    {%- elif message['role'] == 'user' %}
        {{- '[INST] ' + ns.system + message['content'] + ' [/INST]' }}
        {%- set ns.system = '' %}
        {%- set ns.expected = 'assistant' %}
    {%- else %}
        {%- generation %}
            {{- ' ' + message['content'] + eos_token }}
        {%- endgeneration %}
        {%- set ns.expected = 'user' %}
    {%- endif %}
{%- endfor %}
";

const LLAMA2: &str = r"
{%- set ns = namespace(system='', expected='user') %}
{%- for message in messages %}
    {%- if message['role'] == 'system' and loop.first %}
        {%- set ns.system = '<<SYS>>\n' + message['content'] + '\n<</SYS>>\n\n' %}
    {%- elif message['role'] != ns.expected %}
        {{- raise_exception('after an optional system message, roles must alternate user, assistant, user, assistant') }}
    {%- elif message['role'] == 'user' %}
        {BOS}
        {{- '[INST] ' + ns.system + message['content'] + ' [/INST]' }}
        {%- set ns.system = '' %}
        {%- set ns.expected = 'assistant' %}
    {%- else %}
        {%- generation %}
            {{- ' ' + message['content'] + ' ' + eos_token }}
        {%- endgeneration %}
        {%- set ns.expected = 'user' %}
    {%- endif %}
{%- endfor %}
";

const PLAIN: &str = r"{BOS}
{%- for message in messages %}
    {%- if message['role'] == 'assistant' %}
        {{- 'Assistant:' }}
        {%- generation %}
            {{- ' ' + message['content'] + eos_token }}
        {%- endgeneration %}
    {%- else %}
        {{- message['role'] | capitalize }}
        {{- ': ' + message['content'] + '\n\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- 'Assistant:' }}
{%- endif %}
";
