//! The table of architectures: their names in Hugging Face's files, and which parameters a layer
//! has. Everything that differs between them is read off this table: a bias that is in it is
//! added, a norm of queries that is in it is applied.

use serde::{Deserialize, Serialize};

use super::lora::LayerAdapters;
use crate::ops::quant::Frozen;

/// The key of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Arch {
    /// Rotary positions, `RMSNorm`, `SwiGLU`.
    Llama,
    /// Llama with biases of queries, keys and values.
    Qwen2,
    /// Llama with norms of queries and keys in each head.
    Qwen3,
    /// Learned positions, `LayerNorm`, GELU, biases everywhere, matrices stored transposed.
    Gpt2,
    /// Llama whose tokens see a window.
    Mistral,
    /// Llama whose feed-forward layer is a choice of experts.
    Mixtral,
    /// GPT-3's layers, dense and locally banded by turns: GPT-2 without biases of queries, keys and
    /// values, and with plain scores.
    #[serde(rename = "gpt_neo")]
    GptNeo,
}

/// A parameter of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Norm before attention.
    InputNorm,
    /// Its bias, which makes it a `LayerNorm`.
    InputNormBias,
    /// Queries.
    Q,
    /// Keys.
    K,
    /// Values.
    V,
    /// Bias of the queries.
    QBias,
    /// Bias of the keys.
    KBias,
    /// Bias of the values.
    VBias,
    /// Norm of each head's queries.
    QNorm,
    /// Norm of each head's keys.
    KNorm,
    /// Attention's output.
    O,
    /// Its bias.
    OBias,
    /// Norm before the feed-forward layer.
    PostNorm,
    /// Its bias.
    PostNormBias,
    /// Scores of the experts; with it gate, up and down are those of all experts, one below the
    /// other.
    Router,
    /// Gate; without one the feed-forward layer is GELU between two matrices.
    Gate,
    /// Up.
    Up,
    /// Its bias.
    UpBias,
    /// Down.
    Down,
    /// Its bias.
    DownBias,
}

/// How a parameter lies in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// Under its own name, `[out, in]`.
    Own,
    /// Under its own name, `[in, out]` (GPT-2's `Conv1D`).
    Flipped,
    /// One of three side by side in a tensor of this name, `[in, 3 out]` or a vector.
    Third(usize, &'static str),
    /// A tensor an expert, `[out, in]`; `{}` in the name is the expert's number.
    Experts,
}

/// What config.json means where it says nothing.
#[derive(Debug)]
pub struct Usual {
    /// Whether the head is the token table.
    pub tied: bool,
    /// Floats of a head; none for width / heads.
    pub head_dim: Option<usize>,
    /// Key heads; none for as many as query heads.
    pub kv_heads: Option<usize>,
    /// Added in the norms.
    pub norm_eps: f64,
    /// The base of rotary angles.
    pub theta: f64,
    /// The longest context, in tokens.
    pub max_positions: usize,
    /// Tokens that a token sees; none for all.
    pub window: Option<usize>,
}

const USUAL: Usual = Usual {
    tied: false,
    head_dim: None,
    kv_heads: None,
    norm_eps: 1e-6,
    theta: 10_000.0,
    max_positions: 2048,
    window: None,
};

/// GPT's: its table is its head.
const USUAL_GPT: Usual = Usual {
    tied: true,
    norm_eps: 1e-5,
    ..USUAL
};

/// How scores become the softmax's input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scores {
    /// Divided by the root of the head's width.
    Scaled,
    /// As they are.
    Plain,
}

/// One row of the table.
#[derive(Debug)]
pub struct Architecture {
    /// The key.
    pub arch: Arch,
    /// The entry of `architectures`.
    pub name: &'static str,
    /// The `model_type`.
    pub model_type: &'static str,
    /// What it is, in a few words.
    pub what: &'static str,
    /// What every name but the head's begins with; files without it are read, too.
    pub prefix: &'static str,
    /// The token table.
    pub table: &'static str,
    /// The table of learned positions; without one positions are rotary.
    pub positions: Option<&'static str>,
    /// What a layer's number stands behind.
    pub layers: &'static str,
    /// Parameters of a layer, in order.
    pub layer: &'static [(Part, &'static str, Stored)],
    /// The last norm.
    pub last_norm: &'static str,
    /// Its bias.
    pub last_norm_bias: Option<&'static str>,
    /// How scores become the softmax's input.
    pub scores: Scores,
    /// What config.json means where it says nothing.
    pub usual: Usual,
}

use Part::{
    Down, DownBias, Gate, InputNorm, InputNormBias, K, KBias, KNorm, O, OBias, PostNorm,
    PostNormBias, Q, QBias, QNorm, Router, Up, UpBias, V, VBias,
};
use Stored::{Experts, Flipped, Own, Third};

/// All of them; the error about an unknown one prints the table.
pub const ARCHITECTURES: &[Architecture] = &[
    Architecture {
        arch: Arch::Llama,
        name: "LlamaForCausalLM",
        model_type: "llama",
        what: "rotary positions, RMSNorm, SwiGLU, grouped keys: the plain choice",
        prefix: "model.",
        table: "embed_tokens.weight",
        positions: None,
        layers: "layers",
        layer: &[
            (InputNorm, "input_layernorm.weight", Own),
            (Q, "self_attn.q_proj.weight", Own),
            (K, "self_attn.k_proj.weight", Own),
            (V, "self_attn.v_proj.weight", Own),
            (O, "self_attn.o_proj.weight", Own),
            (PostNorm, "post_attention_layernorm.weight", Own),
            (Gate, "mlp.gate_proj.weight", Own),
            (Up, "mlp.up_proj.weight", Own),
            (Down, "mlp.down_proj.weight", Own),
        ],
        last_norm: "norm.weight",
        last_norm_bias: None,
        scores: Scores::Scaled,
        usual: USUAL,
    },
    Architecture {
        arch: Arch::Qwen2,
        name: "Qwen2ForCausalLM",
        model_type: "qwen2",
        what: "Llama with biases of queries, keys and values",
        prefix: "model.",
        table: "embed_tokens.weight",
        positions: None,
        layers: "layers",
        layer: &[
            (InputNorm, "input_layernorm.weight", Own),
            (Q, "self_attn.q_proj.weight", Own),
            (QBias, "self_attn.q_proj.bias", Own),
            (K, "self_attn.k_proj.weight", Own),
            (KBias, "self_attn.k_proj.bias", Own),
            (V, "self_attn.v_proj.weight", Own),
            (VBias, "self_attn.v_proj.bias", Own),
            (O, "self_attn.o_proj.weight", Own),
            (PostNorm, "post_attention_layernorm.weight", Own),
            (Gate, "mlp.gate_proj.weight", Own),
            (Up, "mlp.up_proj.weight", Own),
            (Down, "mlp.down_proj.weight", Own),
        ],
        last_norm: "norm.weight",
        last_norm_bias: None,
        scores: Scores::Scaled,
        usual: USUAL,
    },
    Architecture {
        arch: Arch::Qwen3,
        name: "Qwen3ForCausalLM",
        model_type: "qwen3",
        what: "Llama with norms of each head's queries and keys",
        prefix: "model.",
        table: "embed_tokens.weight",
        positions: None,
        layers: "layers",
        layer: &[
            (InputNorm, "input_layernorm.weight", Own),
            (Q, "self_attn.q_proj.weight", Own),
            (K, "self_attn.k_proj.weight", Own),
            (V, "self_attn.v_proj.weight", Own),
            (QNorm, "self_attn.q_norm.weight", Own),
            (KNorm, "self_attn.k_norm.weight", Own),
            (O, "self_attn.o_proj.weight", Own),
            (PostNorm, "post_attention_layernorm.weight", Own),
            (Gate, "mlp.gate_proj.weight", Own),
            (Up, "mlp.up_proj.weight", Own),
            (Down, "mlp.down_proj.weight", Own),
        ],
        last_norm: "norm.weight",
        last_norm_bias: None,
        scores: Scores::Scaled,
        usual: Usual {
            head_dim: Some(128),
            ..USUAL
        },
    },
    Architecture {
        arch: Arch::Gpt2,
        name: "GPT2LMHeadModel",
        model_type: "gpt2",
        what: "learned positions, LayerNorm, GELU, a key head for each query head",
        prefix: "transformer.",
        table: "wte.weight",
        positions: Some("wpe.weight"),
        layers: "h",
        layer: &[
            (InputNorm, "ln_1.weight", Own),
            (InputNormBias, "ln_1.bias", Own),
            (Q, "attn.q.weight", Third(0, "attn.c_attn.weight")),
            (K, "attn.k.weight", Third(1, "attn.c_attn.weight")),
            (V, "attn.v.weight", Third(2, "attn.c_attn.weight")),
            (QBias, "attn.q.bias", Third(0, "attn.c_attn.bias")),
            (KBias, "attn.k.bias", Third(1, "attn.c_attn.bias")),
            (VBias, "attn.v.bias", Third(2, "attn.c_attn.bias")),
            (O, "attn.c_proj.weight", Flipped),
            (OBias, "attn.c_proj.bias", Own),
            (PostNorm, "ln_2.weight", Own),
            (PostNormBias, "ln_2.bias", Own),
            (Up, "mlp.c_fc.weight", Flipped),
            (UpBias, "mlp.c_fc.bias", Own),
            (Down, "mlp.c_proj.weight", Flipped),
            (DownBias, "mlp.c_proj.bias", Own),
        ],
        last_norm: "ln_f.weight",
        last_norm_bias: Some("ln_f.bias"),
        scores: Scores::Scaled,
        usual: Usual {
            max_positions: 1024,
            ..USUAL_GPT
        },
    },
    Architecture {
        arch: Arch::Mistral,
        name: "MistralForCausalLM",
        model_type: "mistral",
        what: "Llama whose tokens see a window of the last ones",
        prefix: "model.",
        table: "embed_tokens.weight",
        positions: None,
        layers: "layers",
        layer: &[
            (InputNorm, "input_layernorm.weight", Own),
            (Q, "self_attn.q_proj.weight", Own),
            (K, "self_attn.k_proj.weight", Own),
            (V, "self_attn.v_proj.weight", Own),
            (O, "self_attn.o_proj.weight", Own),
            (PostNorm, "post_attention_layernorm.weight", Own),
            (Gate, "mlp.gate_proj.weight", Own),
            (Up, "mlp.up_proj.weight", Own),
            (Down, "mlp.down_proj.weight", Own),
        ],
        last_norm: "norm.weight",
        last_norm_bias: None,
        scores: Scores::Scaled,
        usual: Usual {
            kv_heads: Some(8),
            max_positions: 131_072,
            window: Some(4096),
            ..USUAL
        },
    },
    Architecture {
        arch: Arch::Mixtral,
        name: "MixtralForCausalLM",
        model_type: "mixtral",
        what: "Llama with 8 experts a layer, of which a token goes through 2",
        prefix: "model.",
        table: "embed_tokens.weight",
        positions: None,
        layers: "layers",
        layer: &[
            (InputNorm, "input_layernorm.weight", Own),
            (Q, "self_attn.q_proj.weight", Own),
            (K, "self_attn.k_proj.weight", Own),
            (V, "self_attn.v_proj.weight", Own),
            (O, "self_attn.o_proj.weight", Own),
            (PostNorm, "post_attention_layernorm.weight", Own),
            (Router, "block_sparse_moe.gate.weight", Own),
            (Gate, "block_sparse_moe.experts.{}.w1.weight", Experts),
            (Up, "block_sparse_moe.experts.{}.w3.weight", Experts),
            (Down, "block_sparse_moe.experts.{}.w2.weight", Experts),
        ],
        last_norm: "norm.weight",
        last_norm_bias: None,
        scores: Scores::Scaled,
        usual: Usual {
            kv_heads: Some(8),
            norm_eps: 1e-5,
            theta: 1e6,
            max_positions: 131_072,
            ..USUAL
        },
    },
    Architecture {
        arch: Arch::GptNeo,
        name: "GPTNeoForCausalLM",
        model_type: "gpt_neo",
        what: "GPT-3: dense layers and layers with a window, by turns",
        prefix: "transformer.",
        table: "wte.weight",
        positions: Some("wpe.weight"),
        layers: "h",
        layer: &[
            (InputNorm, "ln_1.weight", Own),
            (InputNormBias, "ln_1.bias", Own),
            (Q, "attn.attention.q_proj.weight", Own),
            (K, "attn.attention.k_proj.weight", Own),
            (V, "attn.attention.v_proj.weight", Own),
            (O, "attn.attention.out_proj.weight", Own),
            (OBias, "attn.attention.out_proj.bias", Own),
            (PostNorm, "ln_2.weight", Own),
            (PostNormBias, "ln_2.bias", Own),
            (Up, "mlp.c_fc.weight", Own),
            (UpBias, "mlp.c_fc.bias", Own),
            (Down, "mlp.c_proj.weight", Own),
            (DownBias, "mlp.c_proj.bias", Own),
        ],
        last_norm: "ln_f.weight",
        last_norm_bias: Some("ln_f.bias"),
        scores: Scores::Plain,
        usual: Usual {
            window: Some(256),
            ..USUAL_GPT
        },
    },
];

impl Arch {
    /// The row.
    pub fn row(self) -> &'static Architecture {
        let at = ARCHITECTURES.iter().position(|row| row.arch == self);
        &ARCHITECTURES[at.unwrap_or_default()]
    }
}

impl Architecture {
    /// Where a parameter stands in a layer, if the architecture has it.
    pub fn index(&self, part: Part) -> Option<usize> {
        self.layer.iter().position(|row| row.0 == part)
    }

    /// Parameters before the first layer.
    pub fn before_layers(&self) -> usize {
        1 + usize::from(self.positions.is_some())
    }

    /// The first parameter of a layer.
    pub fn layer_start(&self, layer: usize) -> usize {
        self.before_layers() + layer * self.layer.len()
    }
}

/// The parameters of one layer.
pub struct Layer<'a, T> {
    /// The row whose order they have.
    pub row: &'static Architecture,
    /// Values in the row's order.
    pub values: &'a [T],
    /// Those that are stored in fewer bits, in the row's order; empty where none are.
    pub frozen: &'a [Option<Frozen<T>>],
    /// The layer's adapters, where the model has them.
    pub adapters: Option<LayerAdapters<'a, T>>,
}

/// Where the gradients of one layer go.
pub struct Grad<'a, T> {
    /// The row whose order they have.
    pub row: &'static Architecture,
    /// Gradients in the row's order; none where the layer is frozen.
    pub values: Option<&'a mut [T]>,
    /// Gradients of the layer's adapters: the parts that have some, and A and B of each.
    pub adapters: Option<(&'a [Part], &'a mut [T])>,
}

impl<T> Grad<'_, T> {
    /// The gradient of a parameter that the architecture has and that learns.
    pub fn get(&mut self, part: Part) -> Option<&mut T> {
        let i = self.row.index(part)?;
        self.values.as_mut().map(|values| &mut values[i])
    }

    /// The gradients of two parameters.
    pub fn pair(&mut self, parts: [Part; 2]) -> Option<[&mut T; 2]> {
        let [a, b] = parts.map(|part| self.row.index(part));
        self.values.as_mut()?.get_disjoint_mut([a?, b?]).ok()
    }

    /// The gradients of a part's adapter.
    pub fn adapter(&mut self, part: Part) -> Option<[&mut T; 2]> {
        let (parts, values) = self.adapters.as_mut()?;
        let i = parts.iter().position(|own| *own == part)?;
        values.get_disjoint_mut([2 * i, 2 * i + 1]).ok()
    }
}

impl<T> Clone for Layer<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Layer<'_, T> {}

impl<'a, T> Layer<'a, T> {
    /// A parameter that every architecture has.
    pub fn get(&self, part: Part) -> &'a T {
        match self.maybe(part) {
            Some(value) => value,
            None => unreachable!("every row of the table has {part:?}"),
        }
    }

    /// A parameter that the architecture may have.
    pub fn maybe(&self, part: Part) -> Option<&'a T> {
        self.row.index(part).map(|i| &self.values[i])
    }
}
