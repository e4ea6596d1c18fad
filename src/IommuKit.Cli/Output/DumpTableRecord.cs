using IommuKit.Lab.Dump;
using IommuKit.Lab.Formats;

namespace IommuKit.Cli.Output;

/// <summary>A table of <c>iommukit dump --json</c>. docs/json.md describes the fields.</summary>
internal sealed class DumpTableRecord(FormatKind format, DumpTable table)
{
    public int Level => table.OwnLevel;

    public string Address => Names.Hex(table.Address);

    public string Iova => Names.Hex(table.Iova);

    public string Pointer => Names.Hex(table.Entry);

    public int Entries => table.Entries;

    public int EntriesUsed => table.EntriesUsed;

    public int CacheLines => table.CacheLines;

    public string? NativeLevel => format.NameLevel(table.OwnLevel);
}
