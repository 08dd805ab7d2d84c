//! Checks a native module that was compiled for the component, before anything is linked with it.
//!
//! Without it a wrong build shows as memory that is overwritten at run time: code that is not position independent takes
//! the addresses of CPython's data (`_Py_NoneStruct`, the exceptions, the types) for its own. A right one imports each of them
//! through its global offset table.

use wasmparser::{Parser, Payload, TypeRef};

/// What a module imports, as far as the check goes.
#[derive(Default)]
struct Imports {
    memory: bool,
    memory_base: bool,
    /// A function of CPython.
    python_function: bool,
    /// Data of CPython, through the table.
    python_data: bool,
    /// A function of the interface that only a libc calls. (Rust's own library imports newer ones of WASI directly.)
    libc: Option<String>,
}

/// Says what is wrong with the module, if anything; it completes "the module … ".
pub(super) fn problem(module: &[u8]) -> Option<String> {
    match read(module) {
        Err(error) => Some(format!("is no WebAssembly module: {error}")),
        Ok((false, _)) => {
            Some("was not linked as a side module (it has no `dylink.0` section)".to_owned())
        }
        Ok((true, imports)) => imports.problem(),
    }
}

impl Imports {
    fn problem(&self) -> Option<String> {
        if !self.memory || !self.memory_base {
            return Some("has a memory of its own instead of the interpreter's".to_owned());
        }
        if let Some(name) = &self.libc {
            return Some(format!(
                "brings a libc of its own (it imports `{name}`), which would not know the interpreter's files"
            ));
        }
        if !self.python_function {
            return Some("calls nothing of CPython, so it is no extension module".to_owned());
        }
        if !self.python_data {
            return Some(
                "does not take CPython's data from the global offset table: it is not position independent".to_owned(),
            );
        }
        None
    }
}

/// Whether it is a side module, and what it imports.
fn read(module: &[u8]) -> wasmparser::Result<(bool, Imports)> {
    let mut side = false;
    let mut imports = Imports::default();
    for payload in Parser::new(0).parse_all(module) {
        match payload? {
            Payload::CustomSection(section) => side |= section.name() == "dylink.0",
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    let import = import?;
                    imports.see(import.module, import.name, import.ty);
                }
            }
            _ => {}
        }
    }
    Ok((side, imports))
}

impl Imports {
    fn see(&mut self, module: &str, name: &str, ty: TypeRef) {
        let is_python = name.starts_with("Py") || name.starts_with("_Py");
        match (module, ty) {
            ("env", TypeRef::Memory(_)) => self.memory = true,
            ("env", TypeRef::Global(_)) if name == "__memory_base" => self.memory_base = true,
            ("env", TypeRef::Func(_)) => self.python_function |= is_python,
            ("GOT.mem", _) => self.python_data |= is_python,
            ("wasi_snapshot_preview1", TypeRef::Func(_)) => {
                self.libc.get_or_insert_with(|| name.to_owned());
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Imports {
        Imports {
            memory: true,
            memory_base: true,
            python_function: true,
            python_data: true,
            libc: None,
        }
    }

    #[test]
    fn a_module_is_refused_for_the_first_thing_that_is_wrong() {
        assert_eq!(good().problem(), None);
        let bad = |change: fn(&mut Imports)| {
            let mut imports = good();
            change(&mut imports);
            imports.problem().expect("refused")
        };
        assert!(bad(|it| it.python_data = false).contains("not position independent"));
        assert!(bad(|it| it.memory = false).contains("memory of its own"));
        assert!(
            bad(|it| it.libc = Some("wasi_snapshot_preview1 fd_write".into())).contains("libc")
        );
        assert!(bad(|it| it.python_function = false).contains("no extension module"));
    }

    #[test]
    fn what_is_no_side_module_is_refused() {
        let empty = b"\0asm\x01\0\0\0";
        assert!(problem(empty).expect("refused").contains("dylink.0"));
        assert!(
            problem(b"\x7fELF\x02\x01\x01\0")
                .expect("refused")
                .contains("no WebAssembly")
        );
        assert!(problem(b"").is_some());
    }

    #[test]
    fn our_own_extension_passes() {
        let (_, module) = super::super::sdk::FILES
            .iter()
            .find(|(path, _)| path.ends_with(".so"))
            .expect("the SDK has a native module");
        assert_eq!(problem(module), None);
    }
}
