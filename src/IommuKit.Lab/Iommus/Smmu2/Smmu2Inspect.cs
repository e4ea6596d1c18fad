using System.Globalization;
using IommuKit.Lab.Conform;
using IommuKit.Lab.Inspect;
using IommuKit.Specs.Smmu2;

namespace IommuKit.Lab.Iommus.Smmu2;

/// <summary>States of machines with an SMMUv1 or SMMUv2 (IHI 0062).</summary>
internal sealed class Smmu2Inspect : IInspectKind
{
    // Tables of AArch64 in IDR2, which only version 2 has.
    private const ulong Aarch64Tables = 7 << 12;

    /// <summary>The kind; it has no state.</summary>
    public static Smmu2Inspect Instance { get; } = new();

    private Smmu2Inspect()
    {
    }

    /// <inheritdoc/>
    public string Name => "smmu2";

    /// <inheritdoc/>
    public bool Recognises(InspectInput input) =>
        IsCapability(input, Smmu2Global.Idr0) && IsCapability(input, Smmu2Global.Idr1) && input.Find(Smmu2Global.Control0) is not null;

    /// <inheritdoc/>
    public void Read(InspectInput input, InspectBuilder builder)
    {
        ulong idr2 = input.ValueOf(Smmu2Global.Idr2);
        var unit = new Smmu2Unit(
            input.Name,
            (idr2 & Aarch64Tables) != 0 ? Smmu2Version.V2 : Smmu2Version.V1,
            (uint)input.ValueOf(Smmu2Global.Idr0),
            (uint)input.ValueOf(Smmu2Global.Idr1),
            (uint)idr2);
        uint control = (uint)input.ValueOf(Smmu2Global.Control0);
        bool isOn = (control & Smmu2Global.Control.Disable) == 0;
        builder.Require(isOn, InspectRule.Enabled, "CLIENTPD of sCR0 is 1: everything passes untranslated");
        builder.Require((control & Smmu2Global.Control.FaultInterrupt) != 0, InspectRule.Events, "GFIE of sCR0 is 0: nobody is told of global faults");
        ulong fault = input.ValueOf(Smmu2Global.FaultStatus) & Smmu2Global.Faults.Mask;
        builder.Require(fault == 0, InspectRule.Errors, $"sGFSR has a fault that nobody cleared, 0x{fault:x}");
        if (isOn)
        {
            if ((control & Smmu2Global.Control.UnmatchedFaults) == 0)
            {
                builder.Note(InspectRule.Bypass, "USFCFG of sCR0 is 0: streams that nothing matches pass untranslated");
            }

            ReadGroups(input, unit, control, builder);
        }
    }

    private static bool IsCapability(InspectInput input, uint offset) =>
        input.Registers.Any(register => register.Kind == BootRegisterKind.Capability && register.Offset == offset && register.Size == sizeof(uint));

    private static void ReadGroups(InspectInput input, Smmu2Unit unit, uint control, InspectBuilder builder)
    {
        bool isWide = (control & Smmu2Global.Control.WideStreamIds) != 0;
        var banks = new Smmu2BankInspect(input, unit, control, builder);
        var valid = new List<(int Group, Smmu2StreamMatch Match)>();
        for (int group = 0; group < unit.StreamCount; group++)
        {
            uint offset = (uint)group * sizeof(uint);
            var context = new Smmu2StreamContext((uint)input.ValueOf(Smmu2Global.StreamContext + offset));
            string name = $"stream 0x{group:x}";
            if (unit.HasStreamMatching)
            {
                var match = new Smmu2StreamMatch((uint)input.ValueOf(Smmu2Global.StreamMatch + offset));
                if (!(isWide ? (context.Value & Smmu2StreamContext.MatchValid) != 0 : (match.Value & Smmu2StreamMatch.Valid) != 0))
                {
                    continue;
                }

                foreach (var (other, _) in valid.Where(one => Overlap(one.Match, match, isWide)))
                {
                    builder.Require(false, InspectRule.Streams, $"SMR{group} and SMR{other} match one stream, which goes by neither for sure");
                }

                valid.Add((group, match));
                name = NameOf(match, isWide);
            }

            ReadGroup(name, context, unit, banks, builder);
        }
    }

    private static void ReadGroup(string name, Smmu2StreamContext context, Smmu2Unit unit, Smmu2BankInspect banks, InspectBuilder builder)
    {
        switch (context.Type)
        {
            case Smmu2StreamContextType.Bypass:
                builder.Add(new InspectSource(name, null, InspectState.Bypass, "bypass", null, null));
                break;
            case Smmu2StreamContextType.Translate when context.Bank < unit.BankCount:
                banks.Read(name, context.Bank);
                break;
            case Smmu2StreamContextType.Translate:
                builder.Require(false, InspectRule.Tables, $"{name}: its S2CR names bank {context.Bank}, and there are {unit.BankCount}");
                builder.Add(new InspectSource(name, null, InspectState.Illegal, $"bank {context.Bank}", null, null));
                break;
            default:
                builder.Blocked++;
                break;
        }
    }

    private static uint WidthOf(bool isWide) => isWide ? 0xffffu : 0x7fff;

    private static (uint Id, uint Mask) PartsOf(Smmu2StreamMatch match, bool isWide) =>
        (match.Value & WidthOf(isWide), (match.Value >> Smmu2StreamMatch.MaskShift) & WidthOf(isWide));

    private static bool Overlap(Smmu2StreamMatch one, Smmu2StreamMatch other, bool isWide)
    {
        var (id, mask) = PartsOf(one, isWide);
        var (otherId, otherMask) = PartsOf(other, isWide);
        return ((id ^ otherId) & ~mask & ~otherMask & WidthOf(isWide)) == 0;
    }

    private static string NameOf(Smmu2StreamMatch match, bool isWide)
    {
        var (id, mask) = PartsOf(match, isWide);
        return mask == 0
            ? string.Create(CultureInfo.InvariantCulture, $"stream 0x{id:x}")
            : string.Create(CultureInfo.InvariantCulture, $"streams 0x{id:x} mask 0x{mask:x}");
    }
}
