using IommuKit.Lab.Formats;
using IommuKit.Specs.Memory;
using IommuKit.Specs.PageTables;
using IommuKit.Traces;

namespace IommuKit.Lab.Dump;

/// <summary>The walk of one IOVA.</summary>
/// <param name="Iova">The IOVA.</param>
/// <param name="Steps">The entries that it reads, the root's first. The last is a leaf, or what the fault is about.</param>
internal sealed record DumpWalk(ulong Iova, IReadOnlyList<DumpStep> Steps)
{
    /// <summary>The last entry.</summary>
    public DumpStep Last => Steps[^1];

    /// <summary>Where the IOVA leads; null if it faults.</summary>
    public ulong? PhysicalAddress => Last.Step.End == WalkEnd.Page ? Last.Step.PhysicalAddress : null;

    /// <summary>Looks an IOVA up as hardware does.</summary>
    /// <exception cref="InputException">The tables do not translate it.</exception>
    internal static DumpWalk Of<TFormat, TMemory>(FormatKind kind, PageTableReader<TFormat, TMemory> reader, int outputBits, ulong iova)
        where TFormat : struct, IPageTableFormat
        where TMemory : struct, IMemoryAccessor
    {
        if (!reader.Contains(iova))
        {
            throw new InputException($"--walk: 0x{iova:x} goes beyond the IOVAs that these tables translate");
        }

        var steps = new List<DumpStep>();
        var step = reader.Step(reader.Root, iova);
        while (true)
        {
            int index = (int)(iova >> TFormat.EntryShift(step.Table.Level)) & ((1 << reader.IndexBits(step.Table)) - 1);
            var decoded = TFormat.Decode(step.Value, step.Table.Level, outputBits);
            string flags = step.End == WalkEnd.Page ? kind.DescribeLeaf(step.Value, step.Table.Level) : string.Empty;
            steps.Add(new DumpStep(step, index, decoded, flags));
            if (step.End != WalkEnd.Table)
            {
                return new DumpWalk(iova, steps);
            }

            step = reader.Step(step.Next, iova);
        }
    }
}
