//! CPU time of processes, from /proc.

/// Ticks per second in /proc: the same on every Linux.
const TICKS: f64 = 100.0;

/// CPU seconds of the programs that share the machine.
#[derive(Clone, Copy, Default)]
pub(crate) struct Usage {
    pub(crate) server: f64,
    pub(crate) postgres: f64,
    pub(crate) generator: f64,
}

impl Usage {
    /// The usage of a server and of PostgreSQL, each with all its processes, including ended ones, and of this process.
    pub(crate) fn now(server: u32, postgres: u32) -> Self {
        let generator = Times::of("self").map_or(0.0, |times| times.own);
        Self { server: family(server), postgres: family(postgres), generator }
    }

    pub(crate) fn since(self, before: &Self) -> Self {
        Self {
            server: self.server - before.server,
            postgres: self.postgres - before.postgres,
            generator: self.generator - before.generator,
        }
    }
}

/// CPU seconds of all ended children of this process.
pub(crate) fn of_ended_children() -> f64 {
    Times::of("self").map_or(0.0, |times| times.ended_children)
}

/// CPU seconds of a process, its children and its ended children.
pub(crate) fn family(id: u32) -> f64 {
    if id == 0 {
        return 0.0;
    }
    let parent = Times::of(&id.to_string()).map_or(0.0, |times| times.own + times.ended_children);
    let processes =
        std::fs::read_dir("/proc").unwrap().filter_map(|entry| entry.unwrap().file_name().into_string().ok());
    let numbers = processes.filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()));
    let children = numbers.filter_map(|name| Times::of(&name)).filter(|times| times.parent == id);
    parent + children.map(|times| times.own).sum::<f64>()
}

/// The CPU ticks of one process.
struct Times {
    parent: u32,
    own: f64,
    ended_children: f64,
}

impl Times {
    /// `None` if the process has ended.
    fn of(process: &str) -> Option<Self> {
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        // The name of the program, in parentheses, may contain any character.
        let fields: Vec<&str> = stat[stat.rfind(')')? + 1..].split_whitespace().collect();
        let seconds = |index: usize| fields.get(index)?.parse::<f64>().ok().map(|ticks| ticks / TICKS);
        Some(Self {
            parent: fields.get(1)?.parse().ok()?,
            own: seconds(11)? + seconds(12)?,
            ended_children: seconds(13)? + seconds(14)?,
        })
    }
}
