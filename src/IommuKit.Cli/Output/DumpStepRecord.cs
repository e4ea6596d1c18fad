using IommuKit.Lab.Dump;
using IommuKit.Lab.Formats;
using IommuKit.Specs.PageTables;

namespace IommuKit.Cli.Output;

/// <summary>An entry of <c>iommukit dump --walk</c> as JSON and CSV have it. docs/json.md describes the fields.</summary>
internal sealed class DumpStepRecord(FormatKind format, DumpStep step)
{
    public int Level => step.Level;

    public string? NativeLevel => format.NameLevel(step.Level);

    public int Index => step.Index;

    public string Address => Names.Hex(step.Step.EntryAddress);

    public string Entry => Names.Hex(step.Step.Value);

    public string Kind => Names.Of(step.Decoded.Kind);

    public string? Table => step.Decoded.Kind == WalkEntryKind.Table ? Names.Hex(step.Decoded.Address) : null;

    public ulong? PageBytes => step.Decoded.Kind == WalkEntryKind.Leaf ? 1ul << step.Decoded.SizeLog2 : null;

    public string? PhysicalAddress => step.Step.End == WalkEnd.Page ? Names.Hex(step.Step.PhysicalAddress) : null;

    public string Protection => DumpMap.Describe(step.Rights);

    public string Flags => step.Flags;

    /// <summary>The entries of a walk.</summary>
    public static IReadOnlyList<DumpStepRecord> Of(FormatKind format, DumpWalk walk) =>
        [.. walk.Steps.Select(step => new DumpStepRecord(format, step))];
}
