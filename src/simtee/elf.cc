#include "simtee/elf.h"

#include <elf.h>

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "base/reader.h"

namespace strongroom::simtee {
namespace {

constexpr std::size_t kMaxProgramHeaders = 64;
constexpr std::size_t kMaxDynamicEntries = 4096;
constexpr std::size_t kMaxStringBytes = 4096;
constexpr std::size_t kIdentBytes = 16;

struct Segment {
  std::uint32_t type = 0;
  std::uint64_t offset = 0;
  std::uint64_t address = 0;
  std::uint64_t file_size = 0;
};

struct Dynamic {
  std::uint64_t tag = 0;
  std::uint64_t value = 0;
};

Result<ByteView> Slice(ByteView bytes, std::uint64_t offset, std::uint64_t size,
                       std::string_view what) {
  if (offset > bytes.size() || size > bytes.size() - offset) {
    return Malformed(fmt::format("ELF {} at {} with {} bytes, the file has {}", what, offset, size,
                                 bytes.size()));
  }
  return bytes.subspan(offset, size);
}

Result<std::string> StringAt(ByteView table, std::uint64_t offset) {
  if (offset >= table.size())
    return Malformed(fmt::format("ELF string at {}, the table has {} bytes", offset, table.size()));
  const ByteView rest = table.subspan(offset);
  const auto end = std::ranges::find(rest, std::uint8_t{0});
  const auto length = static_cast<std::size_t>(end - rest.begin());
  if (end == rest.end() || length > kMaxStringBytes) return Malformed("ELF string without an end");
  return ToText(rest.first(length));
}

Status CheckIdent(Reader& reader) {
  ASSIGN_OR_RETURN(const ByteView ident, reader.Take(kIdentBytes));
  if (!Equal(ident.first(4), AsBytes("\177ELF")))
    return Unsupported("no ELF file (scripts cannot be measured: name the interpreter)");
  if (ident[EI_CLASS] != ELFCLASS64 || ident[EI_DATA] != ELFDATA2LSB)
    return Unsupported("ELF of another class, wanted 64-bit little-endian");
  ASSIGN_OR_RETURN(const std::uint16_t type, reader.U16Le());
  ASSIGN_OR_RETURN(const std::uint16_t machine, reader.U16Le());
  if (type != ET_EXEC && type != ET_DYN)
    return Unsupported(fmt::format("ELF of type {}, wanted a program or shared object", type));
  if (machine != EM_X86_64)
    return Unsupported(fmt::format("ELF for machine {}, wanted x86-64", machine));
  return {};
}

Result<Segment> ReadSegment(Reader& reader) {
  Segment segment;
  ASSIGN_OR_RETURN(segment.type, reader.U32Le());
  RETURN_IF_ERROR(reader.Skip(4));  // flags
  ASSIGN_OR_RETURN(segment.offset, reader.U64Le());
  ASSIGN_OR_RETURN(segment.address, reader.U64Le());
  RETURN_IF_ERROR(reader.Skip(8));  // physical address
  ASSIGN_OR_RETURN(segment.file_size, reader.U64Le());
  RETURN_IF_ERROR(reader.Skip(16));  // size in memory, alignment
  return segment;
}

Result<std::vector<Segment>> ReadSegments(ByteView bytes) {
  Reader header(bytes, "ELF header");
  RETURN_IF_ERROR(CheckIdent(header));
  RETURN_IF_ERROR(header.Skip(12));  // version, entry
  ASSIGN_OR_RETURN(const std::uint64_t table_offset, header.U64Le());
  RETURN_IF_ERROR(header.Skip(14));  // section table, flags, header size
  ASSIGN_OR_RETURN(const std::uint16_t entry_size, header.U16Le());
  ASSIGN_OR_RETURN(const std::uint16_t count, header.U16Le());
  if (entry_size != sizeof(Elf64_Phdr) || count > kMaxProgramHeaders) {
    return Malformed(fmt::format("ELF with {} program headers of {} bytes, wanted at most {} of {}",
                                 count, entry_size, kMaxProgramHeaders, sizeof(Elf64_Phdr)));
  }
  ASSIGN_OR_RETURN(
      const ByteView table,
      Slice(bytes, table_offset, std::uint64_t{entry_size} * count, "program headers"));
  Reader reader(table, "ELF program headers");
  std::vector<Segment> segments;
  for (std::uint16_t i = 0; i < count; ++i) {
    ASSIGN_OR_RETURN(const Segment segment, ReadSegment(reader));
    segments.push_back(segment);
  }
  return segments;
}

const Segment* Find(const std::vector<Segment>& segments, std::uint32_t type) {
  const auto it = std::ranges::find(segments, type, &Segment::type);
  return it == segments.end() ? nullptr : &*it;
}

Result<std::vector<Dynamic>> ReadDynamic(ByteView bytes, const Segment& segment) {
  ASSIGN_OR_RETURN(const ByteView table,
                   Slice(bytes, segment.offset, segment.file_size, "dynamic section"));
  Reader reader(table, "ELF dynamic section");
  std::vector<Dynamic> entries;
  while (entries.size() < kMaxDynamicEntries) {
    Dynamic entry;
    ASSIGN_OR_RETURN(entry.tag, reader.U64Le());
    ASSIGN_OR_RETURN(entry.value, reader.U64Le());
    if (entry.tag == DT_NULL) return entries;
    entries.push_back(entry);
  }
  return Malformed(
      fmt::format("ELF dynamic section with more than {} entries", kMaxDynamicEntries));
}

std::optional<std::uint64_t> ValueOf(const std::vector<Dynamic>& dynamic, std::uint64_t tag) {
  const auto it = std::ranges::find(dynamic, tag, &Dynamic::tag);
  return it == dynamic.end() ? std::nullopt : std::optional(it->value);
}

Result<ByteView> StringTable(ByteView bytes, const std::vector<Segment>& segments,
                             const std::vector<Dynamic>& dynamic) {
  const auto address = ValueOf(dynamic, DT_STRTAB);
  const auto size = ValueOf(dynamic, DT_STRSZ);
  if (!address.has_value() || !size.has_value())
    return Malformed("ELF dynamic section without a string table");
  for (const Segment& segment : segments) {
    if (segment.type != PT_LOAD || *address < segment.address ||
        *address - segment.address >= segment.file_size)
      continue;
    const std::uint64_t within = *address - segment.address;
    if (segment.offset > bytes.size()) break;
    return Slice(bytes, segment.offset + within, *size, "string table");
  }
  return Malformed("ELF string table outside of what is loaded");
}

std::vector<std::string> SplitPath(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const auto colon = text.find(':');
    const std::string_view part = text.substr(0, colon);
    if (!part.empty()) parts.emplace_back(part);
    text = colon == std::string_view::npos ? std::string_view() : text.substr(colon + 1);
  }
  return parts;
}

Status ReadDynamicStrings(const std::vector<Dynamic>& dynamic, ByteView strings, ElfInfo& info) {
  for (const Dynamic& entry : dynamic) {
    if (entry.tag != DT_NEEDED && entry.tag != DT_SONAME && entry.tag != DT_RPATH &&
        entry.tag != DT_RUNPATH)
      continue;
    ASSIGN_OR_RETURN(std::string text, StringAt(strings, entry.value));
    if (entry.tag == DT_NEEDED) info.needed.push_back(std::move(text));
    else if (entry.tag == DT_SONAME) info.soname = std::move(text);
    else if (entry.tag == DT_RPATH) info.rpath = SplitPath(text);
    else info.runpath = SplitPath(text);
  }
  return {};
}

}  // namespace

Result<ElfInfo> ParseElf(ByteView bytes) {
  ASSIGN_OR_RETURN(const std::vector<Segment> segments, ReadSegments(bytes));
  ElfInfo info;
  if (const Segment* interpreter = Find(segments, PT_INTERP)) {
    ASSIGN_OR_RETURN(const ByteView text,
                     Slice(bytes, interpreter->offset, interpreter->file_size, "interpreter"));
    ASSIGN_OR_RETURN(info.interpreter, StringAt(text, 0));
  }
  if (const Segment* segment = Find(segments, PT_DYNAMIC)) {
    ASSIGN_OR_RETURN(const std::vector<Dynamic> dynamic, ReadDynamic(bytes, *segment));
    if (!dynamic.empty()) {
      ASSIGN_OR_RETURN(const ByteView strings, StringTable(bytes, segments, dynamic));
      RETURN_IF_ERROR(ReadDynamicStrings(dynamic, strings, info));
    }
  }
  return info;
}

}  // namespace strongroom::simtee
