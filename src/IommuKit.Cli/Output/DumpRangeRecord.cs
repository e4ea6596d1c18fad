using IommuKit.Lab.Dump;
using IommuKit.Lab.Formats;

namespace IommuKit.Cli.Output;

/// <summary>A range of <c>iommukit dump</c> as JSON and CSV have it. docs/json.md describes the fields.</summary>
internal sealed class DumpRangeRecord(FormatKind format, DumpRange range)
{
    public int Level => range.Level;

    public string Iova => Names.Hex(range.Iova);

    public string LastIova => Names.Hex(range.LastIova);

    public string PhysicalAddress => Names.Hex(range.PhysicalAddress);

    public string LastPhysicalAddress => Names.Hex(range.LastPhysicalAddress);

    public ulong Pages => range.Pages;

    public ulong PageBytes => 1ul << range.PageLog2;

    public string Protection => DumpMap.Describe(range.Protection);

    public string Flags => range.Flags;

    public string Entry => Names.Hex(range.Entry);

    public string? NativeLevel => format.NameLevel(range.Level);
}
