//! The parameters of a Llama: their names, shapes and order, from the configuration alone.

use super::Config;

/// One parameter tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct ParamSpec {
    /// The name in Hugging Face's files.
    pub name: String,
    /// Rows: 1 for a vector.
    pub rows: usize,
    /// Columns.
    pub cols: usize,
    /// What it is for.
    pub role: Role,
}

/// What a parameter is for: decides its first values and its optimizer group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A matrix of a linear layer or the token table.
    Matrix,
    /// A matrix that writes into the residual stream; starts smaller in deep models.
    Residual,
    /// The weight of a norm; starts at 1 and is not decayed.
    Norm,
}

impl ParamSpec {
    /// The shape as files have it: vectors have one dimension.
    pub fn dims(&self) -> Vec<usize> {
        match self.role {
            Role::Norm => vec![self.cols],
            Role::Matrix | Role::Residual => vec![self.rows, self.cols],
        }
    }

    /// Number of values.
    pub fn count(&self) -> usize {
        self.rows * self.cols
    }

    /// Whether weight decay applies.
    pub fn decays(&self) -> bool {
        self.role != Role::Norm
    }
}

/// Where the parameters of a layer stand after the layer's first.
pub mod at {
    /// Norm before attention.
    pub const INPUT_NORM: usize = 0;
    /// Queries.
    pub const Q: usize = 1;
    /// Keys.
    pub const K: usize = 2;
    /// Values.
    pub const V: usize = 3;
    /// Attention's output.
    pub const O: usize = 4;
    /// Norm before the feed-forward layer.
    pub const POST_NORM: usize = 5;
    /// Gate.
    pub const GATE: usize = 6;
    /// Up.
    pub const UP: usize = 7;
    /// Down.
    pub const DOWN: usize = 8;
    /// Parameters of a layer.
    pub const PER_LAYER: usize = 9;
}

/// The first parameter of a layer; the token table is parameter 0.
pub fn layer_start(layer: usize) -> usize {
    1 + layer * at::PER_LAYER
}

/// Every parameter in order: the table, the layers, the last norm, the head unless tied.
pub fn layout(c: &Config) -> Vec<ParamSpec> {
    let spec = |name: String, rows, cols, role| ParamSpec {
        name,
        rows,
        cols,
        role,
    };
    let hidden = c.hidden_size;
    let (q, kv) = (c.heads * c.head_dim, c.kv_heads * c.head_dim);
    let table = "model.embed_tokens.weight".to_owned();
    let mut specs = vec![spec(table, c.vocab_size, hidden, Role::Matrix)];
    for layer in 0..c.layers {
        let rows: [(&str, usize, usize, Role); at::PER_LAYER] = [
            ("input_layernorm", 1, hidden, Role::Norm),
            ("self_attn.q_proj", q, hidden, Role::Matrix),
            ("self_attn.k_proj", kv, hidden, Role::Matrix),
            ("self_attn.v_proj", kv, hidden, Role::Matrix),
            ("self_attn.o_proj", hidden, q, Role::Residual),
            ("post_attention_layernorm", 1, hidden, Role::Norm),
            ("mlp.gate_proj", c.intermediate_size, hidden, Role::Matrix),
            ("mlp.up_proj", c.intermediate_size, hidden, Role::Matrix),
            ("mlp.down_proj", hidden, c.intermediate_size, Role::Residual),
        ];
        for (name, rows, cols, role) in rows {
            specs.push(spec(
                format!("model.layers.{layer}.{name}.weight"),
                rows,
                cols,
                role,
            ));
        }
    }
    specs.push(spec("model.norm.weight".to_owned(), 1, hidden, Role::Norm));
    if !c.tied {
        let head = "lm_head.weight".to_owned();
        specs.push(spec(head, c.vocab_size, hidden, Role::Matrix));
    }
    specs
}

/// How many parameters the model has; a tied head counts once.
pub fn parameters(config: &Config) -> usize {
    layout(config).iter().map(ParamSpec::count).sum()
}
