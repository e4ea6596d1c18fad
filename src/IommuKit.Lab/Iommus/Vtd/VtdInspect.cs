using System.Globalization;
using IommuKit.Lab.Formats;
using IommuKit.Lab.Inspect;
using IommuKit.Specs.Vtd;
using IommuKit.Specs.X86;

namespace IommuKit.Lab.Iommus.Vtd;

/// <summary>States of machines with VT-d (VT-d specification, chapters 9 and 11).</summary>
internal sealed class VtdInspect : IInspectKind
{
    private const int Functions = 256;

    /// <summary>The kind; it has no state.</summary>
    public static VtdInspect Instance { get; } = new();

    private VtdInspect()
    {
    }

    /// <inheritdoc/>
    public string Name => "vtd";

    /// <inheritdoc/>
    public bool Recognises(InspectInput input) => input.Registers.Any(register => register is
    { Offset: VtdRegister.ExtendedCapability, Size: 8, Name: "ECAP" or "" }) && input.Find(VtdRegister.GlobalStatus) is not null;

    /// <inheritdoc/>
    public void Read(InspectInput input, InspectBuilder builder)
    {
        uint status = (uint)input.ValueOf(VtdRegister.GlobalStatus);
        bool isOn = (status & VtdRegister.GlobalBits.TranslationEnable) != 0;
        builder.Require(isOn, InspectRule.Enabled, "TES of GSTS is 0: everything passes untranslated");
        builder.Require((status & VtdRegister.GlobalBits.QueuedInvalidationEnable) != 0, InspectRule.Commands, "QIES of GSTS is 0");
        builder.Require(
            (input.ValueOf(VtdRegister.FaultEvent) & VtdRegister.EventBits.Mask) == 0,
            InspectRule.Events,
            "IM of FECTL is 1: no message tells of a fault");
        ulong errors = input.ValueOf(VtdRegister.FaultStatus)
            & (VtdRegister.FaultStatusBits.Clearable | VtdRegister.FaultStatusBits.Pending);
        builder.Require(errors == 0, InspectRule.Errors, $"FSTS has 0x{errors:x}: faults or errors that nobody has taken");
        ulong queue = input.ValueOf(VtdRegister.QueueAddress);
        builder.Require(
            (queue & ~0xffful) != 0 || (status & VtdRegister.GlobalBits.QueuedInvalidationEnable) == 0,
            InspectRule.Tables,
            "IQA is 0, and the invalidation queue is on");
        if ((queue & ~0xffful) != 0)
        {
            ulong bytes = 0x1000ul << (int)(queue & VtdRegister.QueueAddressBits.SizeMask);
            if ((status & VtdRegister.GlobalBits.QueuedInvalidationEnable) != 0)
            {
                builder.AddWhole(queue & ~0xffful, bytes, "the invalidation queue");
            }
            else
            {
                builder.AddStructure(queue & ~0xffful, bytes, "the invalidation queue");
            }
        }

        ulong interrupts = input.ValueOf(VtdRegister.InterruptTable);
        builder.Require(
            (interrupts & ~0xffful) != 0 || (status & VtdRegister.GlobalBits.InterruptRemappingEnable) == 0,
            InspectRule.Tables,
            "IRTA is 0, and interrupts are remapped");
        if ((status & VtdRegister.GlobalBits.InterruptRemappingEnable) != 0 && (interrupts & ~0xffful) != 0)
        {
            builder.AddWhole(interrupts & ~0xffful, 32ul << (int)(interrupts & VtdRegister.InterruptTableBits.SizeMask), "the interrupt table");
        }

        if (isOn)
        {
            new Buses(input, builder).Read();
        }
    }

    /// <summary>Goes through the root table.</summary>
    private sealed class Buses(InspectInput input, InspectBuilder builder)
    {
        private const int AddressBits = 52;

        private static readonly FormatKind First = FormatKind.Of<X86Format>(48, AddressBits, string.Empty);
        private static readonly FormatKind Second = FormatKind.Of<VtdSecondStageFormat>(48, AddressBits, string.Empty);

        private readonly VtdCapability _capability = new(input.ValueOf(VtdRegister.Capability));

        public void Read()
        {
            ulong register = input.ValueOf(VtdRegister.RootTable);
            ulong root = register & VtdRootEntry.AddressMask;
            var mode = (VtdTableMode)((register >> 10) & 3);
            builder.Require(mode != VtdTableMode.Reserved, InspectRule.Tables, "RTADDR has a reserved mode");
            builder.Require(root != 0 || mode == VtdTableMode.Abort, InspectRule.Tables, "RTADDR is 0");
            if (root == 0 || mode is VtdTableMode.Reserved or VtdTableMode.Abort)
            {
                return;
            }

            builder.AddStructure(root, VtdRegister.PageBytes, "the root table");
            for (int bus = 0; bus < 256 && builder.TryTakeEntry(); bus++)
            {
                ulong place = root + ((ulong)bus * VtdRootEntry.Bytes);
                if (input.Read(place) is not { } lower || input.Read(place + 8) is not { } upper)
                {
                    builder.Require(false, InspectRule.Tables, $"there is no memory at 0x{place:x}, where the root table is");
                    return;
                }

                var entry = new VtdRootEntry(lower, upper);
                if (mode == VtdTableMode.Legacy)
                {
                    ReadContexts(entry.Lower, bus, 0, Functions, isScalable: false);
                }
                else
                {
                    ReadContexts(entry.Lower, bus, 0, Functions / 2, isScalable: true);
                    ReadContexts(entry.Upper, bus, Functions / 2, Functions / 2, isScalable: true);
                }
            }
        }

        private void ReadContexts(ulong half, int bus, int first, int count, bool isScalable)
        {
            if ((half & VtdRootEntry.Present) == 0)
            {
                return;
            }

            ulong table = half & VtdRootEntry.AddressMask;
            builder.AddStructure(table, VtdRegister.PageBytes, string.Create(CultureInfo.InvariantCulture, $"the context table of bus 0x{bus:x2}"));
            for (int index = 0; index < count && builder.TryTakeEntry(); index++)
            {
                int function = first + index;
                string name = string.Create(CultureInfo.InvariantCulture, $"{bus:x2}:{function >> 3:x2}.{function & 7}");
                ulong place = table + ((ulong)index * (ulong)(isScalable ? VtdScalableContextEntry.Bytes : VtdContextEntry.Bytes));
                if (input.Read(place) is not { } lower)
                {
                    builder.Require(false, InspectRule.Tables, $"there is no memory at 0x{place:x}, where the context of {name} is");
                    return;
                }

                ulong upper = input.Read(place + 8) ?? 0;
                if ((lower & 1) == 0)
                {
                    builder.Blocked++;
                }
                else if (isScalable)
                {
                    AddScalable(name, new VtdScalableContextEntry(lower, upper, input.Read(place + 16) ?? 0, input.Read(place + 24) ?? 0));
                }
                else
                {
                    Add(name, new VtdContextEntry(lower, upper));
                }
            }
        }

        private void Add(string name, in VtdContextEntry entry)
        {
            bool isPassed = entry.Type == VtdContextType.PassThrough;
            bool isLegal = entry.Type != VtdContextType.Reserved && !entry.HasReservedBits && (isPassed || entry.Width is >= 1 and <= 3);
            builder.Require(isLegal, InspectRule.Tables, $"{name}: its context entry 0x{entry.Upper:x}:0x{entry.Lower:x} is illegal");
            builder.Add(new InspectSource(
                name,
                null,
                !isLegal ? InspectState.Illegal : isPassed ? InspectState.Bypass : InspectState.Translated,
                isPassed ? "pass-through" : "second stage",
                entry.DomainId,
                isPassed || !isLegal ? null : SecondStage(entry.SecondStage, entry.Width)));
        }

        private void AddScalable(string name, in VtdScalableContextEntry context)
        {
            if (context.HasReservedBits)
            {
                builder.Require(
                    false,
                    InspectRule.Tables,
                    $"{name}: its context entry 0x{context.Second:x}:0x{context.First:x} has reserved bits, in these quadwords or the next two");
                builder.Add(new InspectSource(name, null, InspectState.Illegal, "scalable mode", null, null));
                return;
            }

            ReadPasids(name, context);
        }

        private void ReadPasids(string name, in VtdScalableContextEntry context)
        {
            int directories = 1 << (context.DirectorySize + 7);
            builder.AddStructure(context.Directory, (ulong)(directories * VtdPasidDirectoryEntry.Bytes), $"the PASID directory of {name}");
            for (int index = 0; index < directories && builder.TryTakeEntry(); index++)
            {
                ulong slot = context.Directory + ((ulong)index * VtdPasidDirectoryEntry.Bytes);
                if (input.Read(slot) is not { } value)
                {
                    builder.Require(false, InspectRule.Tables, $"there is no memory at 0x{slot:x}, where the PASID directory of {name} is");
                    return;
                }

                var directory = new VtdPasidDirectoryEntry(value);
                if (!directory.IsPresent)
                {
                    continue;
                }

                builder.AddStructure(directory.Table, VtdRegister.PageBytes, $"a PASID table of {name}");
                builder.Require(!directory.HasReservedBits, InspectRule.Tables, $"{name}: its PASID directory entry 0x{value:x} has reserved bits");
                for (int entry = 0; entry < 1 << VtdPasidDirectoryEntry.PasidsLog2 && builder.TryTakeEntry(); entry++)
                {
                    ulong place = directory.Table + ((ulong)entry * VtdPasidEntry.Bytes);
                    int pasid = (index << VtdPasidDirectoryEntry.PasidsLog2) + entry;
                    if (input.Read(place) is not { } low || input.Read(place + 8) is not { } middle || input.Read(place + 16) is not { } high)
                    {
                        builder.Require(false, InspectRule.Tables, $"there is no memory at 0x{place:x}, where a PASID table of {name} is");
                        break;
                    }

                    var found = new VtdPasidEntry(low, middle, high);
                    if (found.IsPresent)
                    {
                        bool isTailClear = Enumerable.Range(3, 5).All(word => input.Read(place + ((ulong)word * sizeof(ulong))) is 0 or null);
                        Add(name, pasid == context.RequestPasid ? null : pasid, found, isTailClear && !directory.HasReservedBits);
                    }
                }
            }
        }

        private void Add(string name, int? pasid, in VtdPasidEntry entry, bool isRestLegal)
        {
            bool isKnown = entry.Type is VtdPasidType.FirstStage or VtdPasidType.SecondStage or VtdPasidType.PassThrough or VtdPasidType.Nested;
            bool hasSecond = entry.Type is VtdPasidType.SecondStage or VtdPasidType.Nested;
            bool isLegal = isKnown
                && isRestLegal
                && !entry.HasReservedBits
                && (!hasSecond || entry.Width is >= 1 and <= 3)
                && (!entry.UsesFirstStage || entry.FirstStageMode <= 1);
            builder.Require(isKnown, InspectRule.Tables, $"{name}: its PASID entry has the reserved type {(int)entry.Type}");
            builder.Require(
                isLegal || !isKnown,
                InspectRule.Tables,
                $"{name}: its PASID entry 0x{entry.Third:x}:0x{entry.Second:x}:0x{entry.First:x} has reserved bits or fields, or a directory entry that has");
            string kind = entry.Type switch
            {
                VtdPasidType.FirstStage => "first stage",
                VtdPasidType.SecondStage => "second stage",
                VtdPasidType.Nested => "first stage on second stage",
                VtdPasidType.PassThrough => "pass-through",
                _ => "reserved",
            };

            // Under nesting, the tables of the first stage and what they say are at addresses that the second translates.
            var second = hasSecond && isLegal ? SecondStage(entry.SecondStage, entry.Width) : null;
            builder.Add(new InspectSource(
                name,
                pasid,
                !isLegal ? InspectState.Illegal : entry.Type == VtdPasidType.PassThrough ? InspectState.Bypass : InspectState.Translated,
                kind,
                entry.DomainId,
                entry.UsesFirstStage && isLegal ? FirstStage(entry, second) : second));
        }

        private InspectTable SecondStage(ulong root, int width) =>
            new(Second, root, Math.Min(30 + (9 * width), Math.Max(_capability.MaxGuestWidth, 30)), AddressBits);

        private static InspectTable FirstStage(in VtdPasidEntry entry, InspectTable? under) =>
            new(First, entry.FirstStage, entry.FirstStageMode == 1 ? 57 : 48, AddressBits, under);
    }
}
