//! The parameters of a model: their names, shapes and order, from the configuration alone, and how
//! each lies in Hugging Face's files.

use super::{
    Config,
    arch::{Part, Stored},
};

/// One parameter tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct ParamSpec {
    /// prep's name, which checkpoints have; that of Hugging Face's files but for GPT-2's queries,
    /// keys and values, and for experts.
    pub name: String,
    /// Rows: 1 for a vector.
    pub rows: usize,
    /// Columns.
    pub cols: usize,
    /// What it is for.
    pub role: Role,
    /// The tensor of Hugging Face's files that it is in.
    pub file_name: String,
    /// How it lies there.
    pub stored: Stored,
    /// The tensors that it lies in, equal parts of its rows: more than 1 for experts.
    pub tensors: usize,
}

/// What a parameter is for: decides its first values and its optimizer group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A matrix of a linear layer or a table.
    Matrix,
    /// A matrix that writes into the residual stream; starts smaller in deep models.
    Residual,
    /// The weight of a norm; starts at 1 and is not decayed.
    Norm,
    /// A bias; starts at 0 and is not decayed.
    Bias,
}

impl ParamSpec {
    fn is_vector(&self) -> bool {
        matches!(self.role, Role::Norm | Role::Bias)
    }

    /// The shape as checkpoints have it: vectors have one dimension.
    pub fn dims(&self) -> Vec<usize> {
        if self.is_vector() {
            vec![self.cols]
        } else {
            vec![self.rows, self.cols]
        }
    }

    /// The names of the tensors of Hugging Face's files that it is in, in the order of its rows.
    pub fn file_names(&self) -> Vec<String> {
        let each = (0..self.tensors).map(|i| self.file_name.replace("{}", &i.to_string()));
        each.collect()
    }

    /// The shape of each tensor of Hugging Face's files that it is in.
    pub fn file_dims(&self) -> Vec<usize> {
        let side_by_side = match self.stored {
            Stored::Third(..) => 3,
            Stored::Own | Stored::Flipped | Stored::Experts => 1,
        };
        match self.stored {
            _ if self.is_vector() => vec![side_by_side * self.cols],
            Stored::Own | Stored::Experts => vec![self.rows / self.tensors, self.cols],
            Stored::Flipped | Stored::Third(..) => vec![self.cols, side_by_side * self.rows],
        }
    }

    /// The parameter's values, `[rows, cols]`, out of those of the file's tensor, or tensors one
    /// after another.
    pub fn extract(&self, file: &[f32]) -> Vec<f32> {
        let mut values = vec![0.0; self.count()];
        self.each_place(|own, there| values[own] = file[there]);
        values
    }

    /// Puts the parameter's values into the file's tensor.
    pub fn insert(&self, values: &[f32], file: &mut [f32]) {
        self.each_place(|own, there| file[there] = values[own]);
    }

    /// Calls `each` with every element's place in the parameter and in the file's tensor.
    fn each_place(&self, mut each: impl FnMut(usize, usize)) {
        let (of, third) = match self.stored {
            Stored::Third(third, _) => (3, third),
            Stored::Own | Stored::Experts | Stored::Flipped => (1, 0),
        };
        if self.is_vector() || matches!(self.stored, Stored::Own | Stored::Experts) {
            let first = third * self.count();
            (0..self.count()).for_each(|i| each(i, first + i));
            return;
        }
        for col in 0..self.cols {
            let first = (col * of + third) * self.rows;
            (0..self.rows).for_each(|row| each(row * self.cols + col, first + row));
        }
    }

    /// Number of values.
    pub fn count(&self) -> usize {
        self.rows * self.cols
    }

    /// Whether weight decay applies.
    pub fn decays(&self) -> bool {
        !self.is_vector()
    }
}

/// The shape of a layer's parameter and what it is for.
fn shape(part: Part, c: &Config) -> (usize, usize, Role) {
    let hidden = c.hidden_size;
    let (q, kv) = (c.heads * c.head_dim, c.kv_heads * c.head_dim);
    let experts = c.expert_count();
    match part {
        Part::InputNorm | Part::PostNorm => (1, hidden, Role::Norm),
        Part::QNorm | Part::KNorm => (1, c.head_dim, Role::Norm),
        Part::InputNormBias | Part::PostNormBias | Part::OBias | Part::DownBias => {
            (1, hidden, Role::Bias)
        }
        Part::QBias => (1, q, Role::Bias),
        Part::KBias | Part::VBias => (1, kv, Role::Bias),
        Part::UpBias => (1, c.intermediate_size, Role::Bias),
        Part::Q => (q, hidden, Role::Matrix),
        Part::K | Part::V => (kv, hidden, Role::Matrix),
        Part::O => (hidden, q, Role::Residual),
        Part::Router => (experts, hidden, Role::Matrix),
        Part::Gate | Part::Up => (experts * c.intermediate_size, hidden, Role::Matrix),
        Part::Down => (experts * hidden, c.intermediate_size, Role::Residual),
    }
}

/// Every parameter in order: the tables, the layers, the last norm, the head unless tied.
pub fn layout(c: &Config) -> Vec<ParamSpec> {
    let row = c.arch.row();
    let own = |name: String, (rows, cols, role): (usize, usize, Role)| ParamSpec {
        file_name: name.clone(),
        name,
        rows,
        cols,
        role,
        stored: Stored::Own,
        tensors: 1,
    };
    let top = |name: &str, shape| own(format!("{}{name}", row.prefix), shape);
    let hidden = c.hidden_size;
    let mut specs = vec![top(row.table, (c.vocab_size, hidden, Role::Matrix))];
    if let Some(name) = row.positions {
        specs.push(top(name, (c.max_positions, hidden, Role::Matrix)));
    }
    for layer in 0..c.layers {
        let full = |name: &str| format!("{}{}.{layer}.{name}", row.prefix, row.layers);
        for &(part, name, stored) in row.layer {
            let mut spec = own(full(name), shape(part, c));
            if let Stored::Third(_, together) = stored {
                spec.file_name = full(together);
            }
            spec.stored = stored;
            if stored == Stored::Experts {
                spec.tensors = c.expert_count();
                spec.name = spec.name.replace(".{}", "");
            }
            specs.push(spec);
        }
    }
    specs.push(top(row.last_norm, (1, hidden, Role::Norm)));
    if let Some(name) = row.last_norm_bias {
        specs.push(top(name, (1, hidden, Role::Bias)));
    }
    if let Some(labels) = &c.labels {
        let shape = (labels.len(), hidden, Role::Matrix);
        specs.push(own("score.weight".to_owned(), shape));
    } else if !c.tied {
        let shape = (c.vocab_size, hidden, Role::Matrix);
        specs.push(own("lm_head.weight".to_owned(), shape));
    }
    specs
}

/// How many parameters the model has; a tied head counts once.
pub fn parameters(config: &Config) -> usize {
    layout(config).iter().map(ParamSpec::count).sum()
}
