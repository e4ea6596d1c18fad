using IommuKit.Specs.Smmu3;

namespace IommuKit.Models.Tests.Smmu3;

/// <summary>Fields that are illegal in one world and ignored in another (IHI 0070, sections 5.2.2 and 5.4, and 3.4.3).</summary>
public sealed class Smmu3LegalityTests
{
    private const ulong Page = 0x7000_0000 | Smmu3Machine.ValidLeaf;
    private const ulong Hypervisor = 2ul << 30;

    // VMIDs and ASIDs of 8 bits.
    private static readonly Smmu3Unit Narrow = Smmu3Unit.Full with { Idr0 = Smmu3Unit.Full.Idr0 & ~((1u << 12) | (1u << 18)) };

    private static void SetHypervisor(Smmu3Machine machine) =>
        machine.Store(Smmu3Machine.StreamTable + (Smmu3Machine.Device * 64ul) + 8, Hypervisor);

    /// <summary>Stage 1 alone is tagged with the VMID as well, if it is EL1's and there is a stage 2.</summary>
    [Theory]
    [InlineData(true, false, true)]
    [InlineData(true, true, false)]
    [InlineData(false, false, false)]
    public void A_VMID_that_is_too_wide_counts_where_it_tags(bool hasSecond, bool isHypervisor, bool isBad)
    {
        using var machine = new Smmu3Machine(hasSecond ? Narrow : Narrow with { Idr0 = Narrow.Idr0 & ~1u });
        ulong root = machine.NewTable();
        machine.Map(root, 0x1000, Page);
        machine.BindFirst(root, vmid: 0x100).SwitchOn();
        if (isHypervisor)
        {
            SetHypervisor(machine);
        }

        if (isBad)
        {
            machine.Fault(0x1000).Type.ShouldBe(Smmu3EventType.BadStream);
        }
        else
        {
            machine.Read(0x1000).ShouldBe(0x7000_0000ul);
        }
    }

    /// <summary>EL2 alone has no ASIDs, and nothing to disable its only range by; with E2H it has.</summary>
    [Theory]
    [InlineData(1ul << 56, false)]
    [InlineData(1ul << 14, false)]
    [InlineData(1ul << 56, true)]
    [InlineData(1ul << 14, true)]
    public void EL2_alone_ignores_what_it_has_not(ulong flag, bool isHost)
    {
        using var machine = new Smmu3Machine(Narrow);
        ulong root = machine.NewTable();
        machine.Map(root, 0x1000, Page);
        uint host = isHost ? Smmu3Register.Control2Bits.Host : 0;
        machine.BindFirst(root, flags: flag).SwitchOn(Smmu3Register.Control2Bits.RecordsBadStream | host);
        SetHypervisor(machine);
        if (isHost)
        {
            machine.Fault(0x1000).Type.ShouldBe(flag == 1ul << 14 ? Smmu3EventType.Translation : Smmu3EventType.BadContext);
        }
        else
        {
            machine.Read(0x1000).ShouldBe(0x7000_0000ul);
        }
    }

    /// <summary>Where neither range is walked, their byte order is not looked at.</summary>
    [Theory]
    [InlineData(1ul << 14, Smmu3EventType.Translation)]
    [InlineData(0ul, Smmu3EventType.BadContext)]
    public void The_byte_order_of_tables_that_are_not_walked_is_ignored(ulong disabled, Smmu3EventType expected)
    {
        using var machine = new Smmu3Machine(Smmu3Unit.Full with { Idr0 = Smmu3Unit.Full.Idr0 | (2u << 21) });
        const ulong bigEndian = 1 << 15;
        machine.BindFirst(machine.NewTable(), flags: disabled | bigEndian).SwitchOn();
        machine.Fault(0x1000).Type.ShouldBe(expected);
    }

    /// <summary>A second level of context descriptors beyond physical memory's addresses is C_BAD_SUBSTREAMID, and one beyond memory F_CD_FETCH.</summary>
    [Theory]
    [InlineData(1ul << 52, Smmu3EventType.BadSubstreamId)]
    [InlineData(1ul << 40, Smmu3EventType.ContextFetch)]
    public void A_table_of_contexts_may_not_lie_beyond_all_addresses(ulong table, Smmu3EventType expected)
    {
        using var machine = new Smmu3Machine();
        const ulong twoLevels = 1 << 4;
        const ulong substreams = 7ul << 59;
        machine.Store(Smmu3Machine.Contexts, table | 1);
        machine.SetStream(Smmu3Machine.Device, Smmu3Machine.Contexts | twoLevels | substreams | (5 << 1) | 1).SwitchOn();
        machine.Fault(0x1000, substream: 3).Type.ShouldBe(expected);
    }
}
