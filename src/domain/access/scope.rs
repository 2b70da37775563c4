//! Scopes of SMART backend services: which types of resources a system may read and change. A scope restricts a credential; it
//! never gives more than its role.

use super::actor::Role;
use crate::names::names;

names! {
    /// What a scope permits, as the letters of SMART 2.0.
    #[derive(PartialOrd, Ord)]
    pub enum Permission {
        Create = "c",
        Read = "r",
        Update = "u",
        Search = "s",
    }
}

/// The types of resources, each with the lowest role that may use it and with the permissions that it can be used with.
const TYPES: [(&str, Role, &str); 11] = [
    ("Questionnaire", Role::Intake, "rs"),
    ("CodeSystem", Role::Intake, "rs"),
    ("ValueSet", Role::Intake, "rs"),
    ("QuestionnaireResponse", Role::Intake, "crus"),
    ("RiskAssessment", Role::Intake, "rs"),
    ("Observation", Role::Intake, "rs"),
    ("Patient", Role::Intake, "rs"),
    ("ServiceRequest", Role::Staff, "rs"),
    ("Task", Role::Staff, "rus"),
    ("Flag", Role::Staff, "rs"),
    ("AuditEvent", Role::Admin, "rs"),
];

/// The scope of every type.
const ANY: &str = "*";
/// The longest request for scopes, bytes.
const REQUEST_LENGTH: usize = 2_000;

/// What a request needs: a permission for a type. A batch needs none of its own, because each entry is checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    pub kind: String,
    /// `None` for a batch.
    pub permission: Option<Permission>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Scope {
    /// The name of the type, or `*`.
    kind: String,
    permissions: Vec<Permission>,
}

/// The scopes of a token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scopes(Vec<Scope>);

impl Scopes {
    /// Reads a list of scopes, separated by spaces. Scopes that this service cannot grant are left out: those of other contexts
    /// than `system`, of other types, and with search parameters.
    pub fn parse(text: &str) -> Self {
        let listed = text.get(..REQUEST_LENGTH.min(text.len())).unwrap_or_default().split(' ');
        let mut scopes: Vec<Scope> = Vec::new();
        for scope in listed.filter_map(Scope::parse) {
            match scopes.iter_mut().find(|known| known.kind == scope.kind) {
                Some(known) => known.permissions.extend(scope.permissions),
                None => scopes.push(scope),
            }
        }
        for scope in &mut scopes {
            scope.permissions.sort_unstable();
            scope.permissions.dedup();
        }
        Self(scopes)
    }

    /// The scopes that a role allows.
    #[must_use]
    pub fn for_role(self, role: Role) -> Self {
        let allowed = |scope: &Scope| scope.kind == ANY || least(&scope.kind).is_some_and(|least| role >= least);
        Self(self.0.into_iter().filter(allowed).collect())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the scopes permit a request.
    pub fn permit(&self, need: &Need) -> bool {
        let Some(permission) = need.permission else { return !self.is_empty() };
        let of_kind = |scope: &&Scope| scope.kind == ANY || scope.kind == need.kind;
        self.0.iter().filter(of_kind).any(|scope| scope.permissions.contains(&permission))
    }
}

impl Scope {
    /// Reads `system/Type.cruds` of SMART 2.0, or `system/Type.read`, `.write` and `.*` of SMART 1.0.
    fn parse(text: &str) -> Option<Self> {
        let (kind, asked) = text.strip_prefix("system/")?.split_once('.')?;
        if kind != ANY {
            least(kind)?;
        }
        let letters = match asked {
            "read" => "rs",
            "write" => "cu",
            "*" => "crus",
            letters => letters,
        };
        // Letters have an order, and `d` permits nothing here.
        let order = letters.chars().map(|letter| "cruds".find(letter)).collect::<Option<Vec<_>>>()?;
        if letters.is_empty() || !order.is_sorted_by(|one, other| one < other) {
            return None;
        }
        let permissions = Permission::ALL.into_iter().filter(|one| letters.contains(one.as_str()));
        let permissions: Vec<_> = permissions.collect();
        (!permissions.is_empty()).then(|| Self { kind: kind.to_owned(), permissions })
    }
}

impl std::fmt::Display for Need {
    /// The scope that permits it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "system/{}.{}", self.kind, self.permission.map_or(ANY, Permission::as_str))
    }
}

impl std::fmt::Display for Scopes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (place, scope) in self.0.iter().enumerate() {
            let joint = if place == 0 { "" } else { " " };
            write!(f, "{joint}system/{}.", scope.kind)?;
            scope.permissions.iter().try_for_each(|permission| f.write_str(permission.as_str()))?;
        }
        Ok(())
    }
}

/// The lowest role for a type; `None` for a type without scopes.
fn least(kind: &str) -> Option<Role> {
    TYPES.into_iter().find(|(known, ..)| *known == kind).map(|(_, role, _)| role)
}

/// The scopes that are listed for clients, each with the lowest role that may have it.
pub fn supported() -> Vec<(String, Role)> {
    let every = ("system/*.rs".to_owned(), Role::Intake);
    let listed = TYPES.into_iter().map(|(kind, role, letters)| (format!("system/{kind}.{letters}"), role));
    std::iter::once(every).chain(listed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> String {
        Scopes::parse(text).to_string()
    }

    #[test]
    fn scopes_of_both_versions_are_read_and_others_are_left_out() {
        assert_eq!(read("system/Observation.rs system/Task.read"), "system/Observation.rs system/Task.rs");
        assert_eq!(read("system/Task.write system/Task.r"), "system/Task.cru");
        assert_eq!(read("system/*.* "), "system/*.crus");
        assert_eq!(read("system/QuestionnaireResponse.cruds"), "system/QuestionnaireResponse.crus");
        for none in [
            "",
            "openid",
            "patient/Observation.rs",
            "user/*.rs",
            "system/Medication.rs",
            "system/Observation",
            "system/Observation.sr",
            "system/Observation.rr",
            "system/Observation.x",
            "system/Observation.d",
            "system/Observation.rs?category=survey",
        ] {
            assert!(Scopes::parse(none).is_empty(), "{none}");
        }
    }

    #[test]
    fn a_role_limits_the_types_and_a_scope_the_permissions() {
        let scopes = Scopes::parse("system/Task.rs system/Observation.r system/AuditEvent.rs");
        assert_eq!(scopes.clone().for_role(Role::Intake).to_string(), "system/Observation.r");
        assert_eq!(scopes.clone().for_role(Role::Staff).to_string(), "system/Task.rs system/Observation.r");
        let need = |kind: &str, permission| Need { kind: kind.to_owned(), permission: Some(permission) };
        assert!(scopes.permit(&need("Observation", Permission::Read)));
        assert!(!scopes.permit(&need("Observation", Permission::Search)));
        assert!(!scopes.permit(&need("Flag", Permission::Read)));
        assert!(Scopes::parse("system/*.rs").permit(&need("Flag", Permission::Read)));
        let batch = Need { kind: String::new(), permission: None };
        assert!(scopes.permit(&batch) && !Scopes::default().permit(&batch));
        assert_eq!(need("Task", Permission::Update).to_string(), "system/Task.u");
    }

    #[test]
    fn each_scope_that_is_listed_is_granted_to_its_role() {
        for (scope, role) in supported() {
            assert_eq!(Scopes::parse(&scope).for_role(role).to_string(), scope);
        }
    }
}
