using System.Globalization;
using IommuKit.Lab.Formats;
using IommuKit.Lab.Inspect;
using IommuKit.Specs.Arm;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Lab.Iommus.Smmu3;

/// <summary>States of machines with an SMMUv3 (IHI 0070, chapters 5 and 6).</summary>
internal sealed class Smmu3Inspect : IInspectKind
{
    private const int TwoLevels = 1;
    private const int LinearContexts = 0;

    /// <summary>The kind; it has no state.</summary>
    public static Smmu3Inspect Instance { get; } = new();

    private Smmu3Inspect()
    {
    }

    /// <inheritdoc/>
    public string Name => "smmu3";

    /// <inheritdoc/>
    public bool Recognises(InspectInput input) =>
        input.Find(Smmu3Register.Idr5) is not null
        && input.Find(Smmu3Register.StreamTable) is not null
        && input.Find(Smmu3Register.Control0) is not null;

    /// <inheritdoc/>
    public void Read(InspectInput input, InspectBuilder builder)
    {
        var unit = new Smmu3Unit(
            input.Name,
            (uint)input.ValueOf(Smmu3Register.Idr0),
            (uint)input.ValueOf(Smmu3Register.Idr1),
            (uint)input.ValueOf(Smmu3Register.Idr3),
            (uint)input.ValueOf(Smmu3Register.Idr5),
            (uint)input.ValueOf(Smmu3Register.Iidr),
            (uint)input.ValueOf(Smmu3Register.Aidr));
        uint control = (uint)input.ValueOf(Smmu3Register.Control0);
        bool aborts = (input.ValueOf(Smmu3Register.GlobalBypass) & Smmu3Register.Bypass.Abort) != 0;
        builder.Require(
            (control & Smmu3Register.Control.Enable) != 0,
            InspectRule.Enabled,
            $"SMMUEN of CR0 is 0: GBPA rules, by which everything {(aborts ? "is aborted" : "passes untranslated")}");
        builder.Require((control & Smmu3Register.Control.CommandQueue) != 0, InspectRule.Commands, "CMDQEN of CR0 is 0");
        builder.Require((control & Smmu3Register.Control.EventQueue) != 0, InspectRule.Events, "EVENTQEN of CR0 is 0");
        ReadErrors(input, builder);
        AddQueue(builder, input.ValueOf(Smmu3Register.CommandQueue), Smmu3Command.Bytes, "the command queue");
        AddQueue(builder, input.ValueOf(Smmu3Register.EventQueue), Smmu3Event.Bytes, "the event queue");
        if ((control & Smmu3Register.Control.Enable) != 0)
        {
            new Streams(input, unit, builder).Read();
        }
    }

    private static void ReadErrors(InspectInput input, InspectBuilder builder)
    {
        ulong active = (input.ValueOf(Smmu3Register.GlobalError) ^ input.ValueOf(Smmu3Register.GlobalErrorAck)) & Smmu3Register.Errors.Mask;
        builder.Require(active == 0, InspectRule.Errors, $"GERROR and GERRORN differ in 0x{active:x}");
        ulong reason = (input.ValueOf(Smmu3Register.CommandConsumer) >> Smmu3Register.CommandErrorShift) & 0x7f;
        builder.Require(reason == 0, InspectRule.Errors, $"CMDQ_CONS has the error {(Smmu3CommandError)reason}");
        ulong producer = input.ValueOf(Smmu3Register.EventProducer);
        builder.Require(
            ((producer ^ input.ValueOf(Smmu3Register.EventConsumer)) & Smmu3Register.Overflow) == 0,
            InspectRule.Errors,
            "the event queue has overflowed");
    }

    private static void AddQueue(InspectBuilder builder, ulong register, int entryBytes, string what)
    {
        ulong address = register & Smmu3Register.QueueAddressMask;
        if (address != 0)
        {
            builder.AddStructure(address, (ulong)entryBytes << (int)Math.Min(register & Smmu3Register.QueueSizeMask, 19), what);
        }
    }

    /// <summary>Goes through the stream table.</summary>
    private sealed class Streams(InspectInput input, Smmu3Unit unit, InspectBuilder builder)
    {
        private const ulong TableMask = 0x00ff_ffff_ffff_ffc0;
        private const int VirtualBits = 48;

        // By the granule and the stage.
        private static readonly Dictionary<(int GranuleLog2, int Stage), FormatKind> Formats = new()
        {
            [(12, 1)] = Format<ArmGranule4K, ArmStage1>(),
            [(14, 1)] = Format<ArmGranule16K, ArmStage1>(),
            [(16, 1)] = Format<ArmGranule64K, ArmStage1>(),
            [(12, 2)] = Format<ArmGranule4K, ArmStage2>(),
            [(14, 2)] = Format<ArmGranule16K, ArmStage2>(),
            [(16, 2)] = Format<ArmGranule64K, ArmStage2>(),
        };

        public void Read()
        {
            ulong config = input.ValueOf(Smmu3Register.StreamTableConfig);
            int bits = Math.Min((int)config & 0x3f, unit.StreamBits);
            ulong table = input.ValueOf(Smmu3Register.StreamTable) & TableMask;
            builder.Require(table != 0, InspectRule.Tables, "STRTAB_BASE is 0");
            if (table == 0)
            {
                return;
            }

            int split = ((int)(config >> 16) & 3) == TwoLevels ? ((int)(config >> 6) & 0x1f) switch { 8 => 8, 10 => 10, _ => 6 } : 0;
            if (split == 0)
            {
                builder.AddStructure(table, (ulong)Smmu3StreamEntry.Bytes << bits, "the stream table");
                ReadEntries(table, 0, 1u << Math.Min(bits, 31));
                return;
            }

            int pointerBits = Math.Max(bits - split, 0);
            builder.AddStructure(table, (ulong)Smmu3StreamTableEntry.Bytes << pointerBits, "the stream table's first level");
            for (uint index = 0; index < 1u << pointerBits && !builder.IsFull; index++)
            {
                ulong place = table + (index * (ulong)Smmu3StreamTableEntry.Bytes);
                if (input.Read(place) is not { } word)
                {
                    builder.Require(false, InspectRule.Tables, $"there is no memory at 0x{place:x}, where the stream table's first level is");
                    return;
                }

                var pointer = new Smmu3StreamTableEntry(word);
                if (pointer.Span != 0)
                {
                    builder.Require(
                        pointer.Span <= Smmu3StreamTableEntry.MaxSpan && pointer.Span <= split + 1,
                        InspectRule.Tables,
                        $"the stream table's first level has the reserved Span {pointer.Span} at 0x{place:x}");
                    int log2 = Math.Min(pointer.StreamsLog2, split);
                    builder.AddStructure(pointer.Table, (ulong)Smmu3StreamEntry.Bytes << log2, "a stream table of the second level");
                    ReadEntries(pointer.Table, index << split, 1u << log2);
                }
            }
        }

        private void ReadEntries(ulong table, uint firstStream, uint count)
        {
            for (uint index = 0; index < count && !builder.IsFull; index++)
            {
                ulong place = table + (index * (ulong)Smmu3StreamEntry.Bytes);
                if (input.Read(place) is not { } first)
                {
                    builder.Require(false, InspectRule.Tables, $"there is no memory at 0x{place:x}, where the stream table is");
                    return;
                }

                ReadEntry(
                    firstStream + index, new Smmu3StreamEntry(first, Word(place, 1), Word(place, 2), Word(place, 3)));
            }
        }

        private ulong Word(ulong place, int index) => input.Read(place + ((ulong)(uint)index * sizeof(ulong))) ?? 0;

        private void ReadEntry(uint stream, in Smmu3StreamEntry entry)
        {
            string name = string.Create(CultureInfo.InvariantCulture, $"stream 0x{stream:x}");
            if (!entry.IsValid || entry.Config < Smmu3StreamEntry.Bypass)
            {
                builder.Blocked++;
                return;
            }

            switch (entry.Config)
            {
                case Smmu3StreamEntry.Bypass:
                    builder.Add(new InspectSource(name, null, InspectState.Bypass, "bypass", null, null));
                    break;
                case Smmu3StreamEntry.Stage1:
                    ReadContexts(name, entry);
                    break;
                case Smmu3StreamEntry.Stage2:
                    var table = SecondStage(entry);
                    var state = table is null ? InspectState.Illegal : InspectState.Translated;
                    builder.Add(new InspectSource(name, null, state, "stage 2", entry.Vmid, table));
                    break;
                default:
                    // The tables of stage 1 are at addresses of stage 2.
                    builder.Add(new InspectSource(
                        name, null, InspectState.NotFollowed, "both stages; stage 2 shown", entry.Vmid, SecondStage(entry)));
                    break;
            }
        }

        private void ReadContexts(string name, in Smmu3StreamEntry entry)
        {
            const int terminates = 0;
            const int bypasses = 1;
            if (entry.SubstreamBits != 0 && entry.DefaultSubstream != 2)
            {
                if (entry.DefaultSubstream == bypasses)
                {
                    builder.Add(new InspectSource(name, null, InspectState.Bypass, "stage 1 passed by without a substream", null, null));
                }

                builder.Blocked += entry.DefaultSubstream == terminates ? 1 : 0;
            }

            int bits = Math.Min(entry.SubstreamBits, 20);
            if (bits == 0 || entry.ContextFormat is LinearContexts or 3)
            {
                builder.AddStructure(entry.ContextTable, (ulong)Smmu3ContextDescriptor.Bytes << bits, $"context descriptors of {name}");
                ReadContextTable(name, entry, entry.ContextTable, 0, 1 << bits);
                return;
            }

            int split = entry.ContextFormat == 1 ? 6 : 10;
            int pointers = 1 << Math.Max(bits - split, 0);
            builder.AddStructure(entry.ContextTable, (ulong)(pointers * Smmu3ContextTableEntry.Bytes), $"context descriptors' first level of {name}");
            for (int index = 0; index < pointers && !builder.IsFull; index++)
            {
                var pointer = new Smmu3ContextTableEntry(input.Read(entry.ContextTable + ((ulong)index * Smmu3ContextTableEntry.Bytes)) ?? 0);
                if (pointer.IsValid)
                {
                    builder.AddStructure(pointer.Table, (ulong)Smmu3ContextDescriptor.Bytes << split, $"context descriptors of {name}");
                    ReadContextTable(name, entry, pointer.Table, index << split, 1 << Math.Min(split, bits));
                }
            }
        }

        private void ReadContextTable(string name, in Smmu3StreamEntry entry, ulong table, int first, int count)
        {
            for (int index = 0; index < count && !builder.IsFull; index++)
            {
                ulong place = table + ((ulong)index * Smmu3ContextDescriptor.Bytes);
                var context = new Smmu3ContextDescriptor(Word(place, 0), Word(place, 1), Word(place, 2), Word(place, 3));
                int substream = first + index;
                bool isFirst = substream == 0 && (entry.SubstreamBits == 0 || entry.DefaultSubstream == 2);
                if (!context.IsValid)
                {
                    builder.Blocked += isFirst ? 1 : 0;
                    builder.Require(
                        !isFirst || entry.SubstreamBits != 0, InspectRule.Tables, $"{name}: its context descriptor at 0x{place:x} is not valid");
                    continue;
                }

                int? pasid = isFirst ? null : substream;
                foreach (bool isUpper in (bool[])[false, true])
                {
                    if (!context.DisablesWalks(isUpper))
                    {
                        var pages = FirstStage(context, isUpper);
                        string kind = isUpper ? "stage 1, upper addresses" : "stage 1";
                        builder.Add(new InspectSource(
                            name, pasid, pages is null ? InspectState.Illegal : InspectState.Translated, kind, context.Asid, pages));
                    }
                }
            }
        }

        private static FormatKind Format<TGranule, TStage>()
            where TGranule : struct, IArmGranule
            where TStage : struct, IArmStage => FormatKind.Of<ArmLpae<TGranule, TStage>>(VirtualBits, VirtualBits, string.Empty);

        private InspectTable? FirstStage(in Smmu3ContextDescriptor context, bool isUpper) => TableOf(
            context.GranuleShift(isUpper), 1, context.Table(isUpper), 64 - context.InputSize(isUpper), unit.OutputBits(context.OutputSize));

        private InspectTable? SecondStage(in Smmu3StreamEntry entry) => TableOf(
            entry.Granule switch { 0 => 12, 1 => 16, 2 => 14, _ => 0 }, 2, entry.Table, 64 - entry.InputSize, unit.OutputBits(entry.OutputSize));

        private static InspectTable? TableOf(int granuleLog2, int stage, ulong root, int inputBits, int outputBits)
        {
            var format = Formats.GetValueOrDefault((granuleLog2, stage));
            return format is null ? null : new InspectTable(format, root, inputBits, Math.Min(outputBits, format.OutputBits));
        }
    }
}
