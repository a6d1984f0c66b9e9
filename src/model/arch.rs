//! The table of architectures: their names in Hugging Face's files, and which parameters a layer
//! has. Everything that differs between them is read off this table: a bias that is in it is
//! added, a norm of queries that is in it is applied.

use serde::{Deserialize, Serialize};

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
    /// Whether the head is the token table where config.json says nothing.
    pub tied: bool,
    /// Floats of a head where config.json says nothing; none for width / heads.
    pub head_dim: Option<usize>,
}

use Part::{
    Down, DownBias, Gate, InputNorm, InputNormBias, K, KBias, KNorm, O, OBias, PostNorm,
    PostNormBias, Q, QBias, QNorm, Up, UpBias, V, VBias,
};
use Stored::{Flipped, Own, Third};

/// All of them; the error about an unknown one prints the table.
pub const ARCHITECTURES: &[Architecture] = &[
    Architecture {
        arch: Arch::Llama,
        name: "LlamaForCausalLM",
        model_type: "llama",
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
        tied: false,
        head_dim: None,
    },
    Architecture {
        arch: Arch::Qwen2,
        name: "Qwen2ForCausalLM",
        model_type: "qwen2",
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
        tied: false,
        head_dim: None,
    },
    Architecture {
        arch: Arch::Qwen3,
        name: "Qwen3ForCausalLM",
        model_type: "qwen3",
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
        tied: false,
        head_dim: Some(128),
    },
    Architecture {
        arch: Arch::Gpt2,
        name: "GPT2LMHeadModel",
        model_type: "gpt2",
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
        tied: true,
        head_dim: None,
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

/// The parameters of one layer, or their gradients.
pub struct Layer<'a, T> {
    /// The row whose order they have.
    pub row: &'static Architecture,
    /// Values in the row's order.
    pub values: &'a [T],
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
