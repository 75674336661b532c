//! What a file of native code needs: an ELF executable, library or add-on of an interpreter.

use object::{
    Endianness, FileKind, elf,
    read::elf::{Dyn, ElfFile, FileHeader},
};
use silver_pack::platform::{Library, Platform};

/// Every ELF file begins with it.
pub(super) const MAGIC: [u8; 4] = *b"\x7fELF";

/// The platform that this file needs; `None` when it is not ELF, is not for Linux, or is nothing
/// that runs (an object file). `name` is the file's name, which tells of some what they are for.
pub(super) fn needs(content: &[u8], name: &str) -> Option<Platform> {
    match FileKind::parse(content).ok()? {
        FileKind::Elf32 => read::<elf::FileHeader32<Endianness>>(content, name),
        FileKind::Elf64 => read::<elf::FileHeader64<Endianness>>(content, name),
        _ => None,
    }
}

fn read<H: FileHeader<Endian = Endianness>>(content: &[u8], name: &str) -> Option<Platform> {
    let file = ElfFile::<H>::parse(content).ok()?;
    let (header, endian) = (file.elf_header(), file.endian());
    if !matches!(header.e_type(endian), elf::ET_DYN | elf::ET_EXEC)
        || !matches!(header.e_ident().os_abi, elf::ELFOSABI_NONE | elf::ELFOSABI_GNU)
    {
        return None;
    }
    let little = header.is_little_endian();
    let processor = match header.e_machine(endian) {
        elf::EM_X86_64 => "x86_64",
        elf::EM_386 => "x86",
        elf::EM_AARCH64 => "aarch64",
        elf::EM_ARM => "arm",
        elf::EM_RISCV if header.is_type_64() => "riscv64",
        elf::EM_PPC64 if little => "powerpc64",
        elf::EM_S390 => "s390x",
        elf::EM_LOONGARCH => "loongarch64",
        _ => return None,
    };
    Some(Platform {
        system: "linux".into(),
        processor: processor.into(),
        library: library(&file, content),
        abi: abi(content, name),
    })
}

/// The C library among the needed ones, with the highest version of its symbols.
fn library<H: FileHeader<Endian = Endianness>>(file: &ElfFile<'_, H>, content: &[u8]) -> Option<Library> {
    let (sections, endian) = (file.elf_section_table(), file.endian());
    let mut library: Option<Library> = None;
    if let Ok(Some((entries, link))) = sections.dynamic(endian, content)
        && let Ok(strings) = sections.strings(endian, content, link)
    {
        for entry in entries.iter().filter(|entry| entry.tag(endian) == elf::DT_NEEDED) {
            let name = entry.string(endian, strings).unwrap_or_default();
            let name = match name {
                // every library of glibc has a number, the one of musl has none
                b"libc.so.6" => "gnu",
                b"libc.so" => "musl",
                name if name.starts_with(b"libc.musl-") => "musl",
                _ => continue,
            };
            library.get_or_insert(Library { name: name.into(), version: (0, 0) });
        }
    }
    if let Ok(Some((needed, link))) = sections.gnu_verneed(endian, content)
        && let Ok(strings) = sections.strings(endian, content, link)
    {
        let versions = needed.flatten().flat_map(|(_, versions)| versions.flatten());
        for version in versions.filter_map(|version| glibc(version.name(endian, strings).ok()?)) {
            let library = library.get_or_insert(Library { name: "gnu".into(), version });
            library.version = library.version.max(version);
        }
    }
    library
}

/// `GLIBC_2.17`, `GLIBC_2.3.4`.
fn glibc(name: &[u8]) -> Option<(u32, u32)> {
    let version = std::str::from_utf8(name).ok()?.strip_prefix("GLIBC_")?;
    let mut numbers = version.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// The interface of the one interpreter that can load it. Python says it in the name (PEP 3149; `abi3`
/// is for all of them), add-ons of Node.js in a symbol, unless they use the interface that is the same
/// for all (Node-API).
fn abi(content: &[u8], name: &str) -> Option<String> {
    let python = name.split('.').find_map(|part| part.strip_prefix("cpython-"));
    if let Some(version) = python.and_then(|rest| rest.split('-').next()) {
        let digits = !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit());
        return digits.then(|| format!("cp{version}"));
    }
    if !name.to_ascii_lowercase().ends_with(".node") {
        return None;
    }
    const SYMBOL: &[u8] = b"\0node_register_module_v";
    let at = content.windows(SYMBOL.len()).position(|window| window == SYMBOL)? + SYMBOL.len();
    let version: String = content[at..].iter().take(4).take_while(|byte| byte.is_ascii_digit()).map(|b| char::from(*b)).collect();
    (!version.is_empty()).then(|| format!("node{version}"))
}
