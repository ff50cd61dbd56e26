//! What a component must be like before anything costly is done with it.
//!
//! In order: size, validity, structure, names of imports and exports, their types. The cheap checks
//! come first because the compiler is the attacker's lever: what is cheap to send can be dear to
//! compile, and an invalid module can burn seconds before the compiler says so.

use model::Manifest;
use sha2::{Digest, Sha256};
use wasmparser::{
    ComponentTypeRef, Encoding, FunctionBody, Parser, Payload, Validator, WasmFeatures,
};

use crate::interfaces;
use crate::limits::{self, Limits};
use crate::refusal::Refusal;

/// What every name of ours begins with.
pub(crate) const PACKAGE: &str = "jackfield:policy/";
/// The one export that every policy must have.
const REQUIRED: &str = "call-events";
/// The interfaces that a policy may import.
const IMPORTS: [&str; 4] = ["types", "call", "session", "store"];
/// The interfaces that the platform calls.
const EXPORTS: [&str; 9] = [
    REQUIRED,
    "media-events",
    "conference-events",
    "digit-events",
    "command-events",
    "transfer-events",
    "timer-events",
    "request-events",
    "upgrade",
];
/// Judges a component and says what it is.
pub(crate) fn validate(bytes: &[u8], limits: &Limits) -> Result<Manifest, Refusal> {
    let (size, most) = (bytes.len(), limits.component);
    if size > most {
        return Err(Refusal::TooLarge { size, most });
    }
    if !Parser::is_component(bytes) {
        return Err(Refusal::NotAComponent);
    }
    Validator::new_with_features(features())
        .validate_all(bytes)
        .map_err(Refusal::invalid)?;
    let outline = Outline::of(bytes)?;
    let optional = outline.judge_names()?;
    interfaces::judge(bytes, &optional)?;
    Ok(Manifest {
        digest: digest(bytes),
        imports: outline.imports,
        exports: outline.exports,
    })
}

/// `sha256:…` of those bytes.
fn digest(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().fold("sha256:".to_owned(), |text, byte| {
        text + &format!("{byte:02x}")
    })
}

/// What compilers of policies emit; the engine has the same features on.
fn features() -> WasmFeatures {
    WasmFeatures::WASM2
        | WasmFeatures::EXTENDED_CONST
        | WasmFeatures::TAIL_CALL
        | WasmFeatures::COMPONENT_MODEL
}

/// What of a component's structure matters here.
#[derive(Default)]
struct Outline {
    imports: Vec<String>,
    exports: Vec<String>,
    depth: u32,
    modules: u32,
    components: u32,
    functions: u32,
    locals: u64,
    tables: u32,
}

impl Outline {
    fn of(bytes: &[u8]) -> Result<Self, Refusal> {
        let mut outline = Self::default();
        for payload in Parser::new(0).parse_all(bytes) {
            let payload = payload.map_err(Refusal::invalid)?;
            outline.add(&payload)?;
        }
        Ok(outline)
    }

    fn add(&mut self, payload: &Payload<'_>) -> Result<(), Refusal> {
        match payload {
            Payload::Version {
                encoding: Encoding::Module,
                ..
            } => {
                count(&mut self.modules, "core modules", limits::MODULES)?;
            }
            Payload::Version {
                encoding: Encoding::Component,
                ..
            } => {
                count(
                    &mut self.components,
                    "nested components",
                    limits::COMPONENTS,
                )?;
            }
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => self.depth += 1,
            // The end of the outermost component, too, comes here.
            Payload::End(_) => self.depth = self.depth.saturating_sub(1),
            Payload::ComponentImportSection(imports) if self.depth == 0 => {
                for import in imports.clone() {
                    let import = import.map_err(Refusal::invalid)?;
                    let name = named(import.name.name, self.imports.len())?;
                    if !matches!(import.ty, ComponentTypeRef::Instance(_)) {
                        return Err(Refusal::Import(name));
                    }
                    self.imports.push(name);
                }
            }
            Payload::ComponentExportSection(exports) if self.depth == 0 => {
                for export in exports.clone() {
                    let export = export.map_err(Refusal::invalid)?;
                    let name = named(export.name.name, self.exports.len())?;
                    self.exports.push(name);
                }
            }
            Payload::TableSection(tables) => {
                for table in tables.clone() {
                    count(&mut self.tables, "tables", limits::TABLES)?;
                    let elements = table.map_err(Refusal::invalid)?.ty.initial;
                    at_most(elements, "elements of one table", limits::TABLE_ELEMENTS)?;
                }
            }
            Payload::CodeSectionEntry(body) => self.add_function(body)?,
            _ => {}
        }
        Ok(())
    }

    fn add_function(&mut self, body: &FunctionBody<'_>) -> Result<(), Refusal> {
        count(&mut self.functions, "functions", limits::FUNCTIONS)?;
        let range = body.range();
        at_most(
            range.end - range.start,
            "octets of one function",
            limits::FUNCTION_BODY as u64,
        )?;
        let mut locals = 0_u64;
        let mut groups = body.get_locals_reader().map_err(Refusal::invalid)?;
        for _ in 0..groups.get_count() {
            let (group, _) = groups.read().map_err(Refusal::invalid)?;
            locals += u64::from(group);
        }
        at_most(locals, "locals of one function", u64::from(limits::LOCALS))?;
        self.locals += locals;
        at_most(self.locals, "locals", limits::ALL_LOCALS)
    }

    /// The known optional interfaces that it exports; a refusal if a name is not known.
    fn judge_names(&self) -> Result<Vec<&'static str>, Refusal> {
        for name in &self.imports {
            let known = interface(name).is_some_and(|short| IMPORTS.contains(&short));
            if !known {
                return Err(Refusal::Import(name.clone()));
            }
        }
        let mut known = Vec::new();
        for name in self.exports.iter().filter(|name| name.starts_with(PACKAGE)) {
            let short = interface(name);
            let export = EXPORTS.into_iter().find(|export| short == Some(*export));
            known.push(export.ok_or_else(|| Refusal::Export(name.clone()))?);
        }
        if !known.contains(&REQUIRED) {
            return Err(Refusal::MissingExport("jackfield:policy/call-events"));
        }
        known.retain(|export| *export != REQUIRED);
        Ok(known)
    }
}

/// The name of one more import or export.
fn named(name: &str, others: usize) -> Result<String, Refusal> {
    let octets = "octets in the name of an import or export";
    at_most(name.len() as u64, octets, limits::NAME)?;
    let most = u64::from(limits::INTERFACES);
    at_most(others as u64 + 1, "imports or exports", most)?;
    Ok(name.to_owned())
}

/// `store` of `jackfield:policy/store@0.1.3`: within 0.1.x any guest goes with any host.
fn interface(name: &str) -> Option<&str> {
    let (short, version) = name.strip_prefix(PACKAGE)?.split_once('@')?;
    version.starts_with("0.1.").then_some(short)
}

fn count(counter: &mut u32, what: &'static str, most: u32) -> Result<(), Refusal> {
    *counter += 1;
    at_most(u64::from(*counter), what, u64::from(most))
}

fn at_most(value: u64, what: &'static str, most: u64) -> Result<(), Refusal> {
    if value <= most {
        Ok(())
    } else {
        Err(Refusal::TooComplex { what, most })
    }
}
