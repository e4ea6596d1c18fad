using IommuKit.Lab.Inspect;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Lab.Iommus.Smmu3;

/// <summary>Goes through the context descriptors of a stream, and what they say of stage 1.</summary>
/// <param name="name">The stream's name.</param>
/// <param name="entry">Its entry.</param>
/// <param name="unit">The SMMU.</param>
/// <param name="input">Registers, and memory as the descriptors' addresses are.</param>
/// <param name="builder">Collects what is seen.</param>
/// <param name="second">The table of stage 2 that translates these addresses; null without one.</param>
/// <param name="staged">Memory through that.</param>
internal sealed class Smmu3ContextInspect(
    string name,
    Smmu3StreamEntry entry,
    Smmu3Unit unit,
    InspectInput input,
    InspectBuilder builder,
    InspectTable? second = null,
    StagedMemory? staged = null)
{
    private const int LinearContexts = 0;

    /// <summary>Reads them.</summary>
    public void Read()
    {
        const int terminates = 0;
        const int bypasses = 1;
        if (entry.SubstreamBits != 0 && entry.DefaultSubstream != 2)
        {
            if (entry.DefaultSubstream == bypasses)
            {
                builder.Add(second is null
                    ? new InspectSource(name, null, InspectState.Bypass, "stage 1 passed by without a substream", null, null)
                    : new InspectSource(name, null, InspectState.Translated, "stage 2 without a substream", entry.Vmid, second));
            }

            builder.Blocked += entry.DefaultSubstream == terminates ? 1 : 0;
        }

        int bits = Math.Min(entry.SubstreamBits, 20);
        if (bits == 0 || entry.ContextFormat is LinearContexts or 3)
        {
            AddStructure(entry.ContextTable, (ulong)Smmu3ContextDescriptor.Bytes << bits, $"context descriptors of {name}");
            ReadTable(entry.ContextTable, 0, 1 << bits);
            return;
        }

        int split = entry.ContextFormat == 1 ? 6 : 10;
        int pointers = 1 << Math.Max(bits - split, 0);
        AddStructure(entry.ContextTable, (ulong)(pointers * Smmu3ContextTableEntry.Bytes), $"context descriptors' first level of {name}");
        for (int index = 0; index < pointers && builder.TryTakeEntry(); index++)
        {
            var pointer = new Smmu3ContextTableEntry(input.Read(entry.ContextTable + ((ulong)index * Smmu3ContextTableEntry.Bytes)) ?? 0);
            if (pointer.IsValid)
            {
                AddStructure(pointer.Table, (ulong)Smmu3ContextDescriptor.Bytes << split, $"context descriptors of {name}");
                ReadTable(pointer.Table, index << split, 1 << Math.Min(split, bits));
            }
        }
    }

    private void ReadTable(ulong table, int first, int count)
    {
        for (int index = 0; index < count && builder.TryTakeEntry(); index++)
        {
            ulong place = table + ((ulong)index * Smmu3ContextDescriptor.Bytes);
            var context = new Smmu3ContextDescriptor(Word(place, 0), Word(place, 1), Word(place, 2), Word(place, 3));
            int substream = first + index;
            bool isFirst = substream == 0 && (entry.SubstreamBits == 0 || entry.DefaultSubstream == 2);
            if (!context.IsValid)
            {
                builder.Blocked += isFirst ? 1 : 0;
                if (isFirst && entry.SubstreamBits == 0)
                {
                    builder.Require(false, InspectRule.Tables, $"{name}: its context descriptor at 0x{place:x} is not valid");
                }

                continue;
            }

            int? pasid = isFirst ? null : substream;
            foreach (bool isUpper in (bool[])[false, true])
            {
                if (!context.DisablesWalks(isUpper))
                {
                    var pages = FirstStage(context, isUpper);
                    string kind = (second is null ? "stage 1" : "stage 1 on stage 2") + (isUpper ? ", upper addresses" : string.Empty);
                    builder.Add(new InspectSource(
                        name, pasid, pages is null ? InspectState.Illegal : InspectState.Translated, kind, context.Asid, pages));
                }
            }
        }
    }

    private ulong Word(ulong place, int index) => input.Read(place + ((ulong)(uint)index * sizeof(ulong))) ?? 0;

    private InspectTable? FirstStage(in Smmu3ContextDescriptor context, bool isUpper) => ArmInspectTables.Of(
        context.GranuleShift(isUpper),
        1,
        context.Table(isUpper),
        64 - context.InputSize(isUpper),
        second is null ? unit.OutputBits(context.OutputSize) : Math.Min(unit.OutputBits(context.OutputSize), second.InputBits),
        second);

    private void AddStructure(ulong address, ulong bytes, string what)
    {
        if (staged is null)
        {
            builder.AddStructure(address, bytes, what);
            return;
        }

        foreach (var (first, last) in staged.Pieces(address, bytes))
        {
            if (!builder.TryTakeEntry())
            {
                break;
            }

            builder.AddStructure(first, last - first + 1, what);
        }
    }
}
