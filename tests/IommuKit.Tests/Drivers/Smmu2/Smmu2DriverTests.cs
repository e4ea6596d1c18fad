using IommuKit.Domains;
using IommuKit.Drivers.Smmu2;
using IommuKit.Models.Smmu2;
using IommuKit.Specs.PageTables;
using IommuKit.Specs.Smmu2;

namespace IommuKit.Tests.Drivers.Smmu2;

/// <summary>The driver against the model, with accesses of devices.</summary>
public sealed class Smmu2DriverTests
{
    private const ulong Page = 4096;
    private const uint Bank = 0x1000;

    public static TheoryData<string, Smmu2Stage, Smmu2TableFormat, int, SyncPolicy> Shapes()
    {
        var shapes = new TheoryData<string, Smmu2Stage, Smmu2TableFormat, int, SyncPolicy>();
        (string Unit, Smmu2Stage Stage, Smmu2TableFormat Format, int Granule)[] all =
        [
            ("full", Smmu2Stage.Stage1, Smmu2TableFormat.Any, 12),
            ("full", Smmu2Stage.Stage1, Smmu2TableFormat.Aarch64, 14),
            ("full", Smmu2Stage.Stage1, Smmu2TableFormat.Aarch64, 16),
            ("full", Smmu2Stage.Stage2, Smmu2TableFormat.Aarch64, 12),
            ("full", Smmu2Stage.Stage2, Smmu2TableFormat.Aarch64, 14),
            ("full", Smmu2Stage.Stage2, Smmu2TableFormat.Aarch64, 16),
            ("full", Smmu2Stage.Stage1, Smmu2TableFormat.LongDescriptors, 12),
            ("full", Smmu2Stage.Stage2, Smmu2TableFormat.LongDescriptors, 12),
            ("full", Smmu2Stage.Stage1, Smmu2TableFormat.ShortDescriptors, 12),
            ("mmu-500", Smmu2Stage.Stage1, Smmu2TableFormat.Any, 0),
            ("mmu-500", Smmu2Stage.Stage2, Smmu2TableFormat.Any, 16),
            ("mmu-400", Smmu2Stage.Any, Smmu2TableFormat.Any, 0),
            ("mmu-400", Smmu2Stage.Stage1, Smmu2TableFormat.ShortDescriptors, 0),
            ("mmu-401", Smmu2Stage.Any, Smmu2TableFormat.Any, 0),
        ];
        foreach (var (unit, stage, format, granule) in all)
        {
            foreach (var policy in Enum.GetValues<SyncPolicy>())
            {
                shapes.Add(unit, stage, format, granule, policy);
            }
        }

        return shapes;
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void What_is_mapped_is_reached_and_what_is_unmapped_is_not(
        string unit, Smmu2Stage stage, Smmu2TableFormat format, int granule, SyncPolicy policy)
    {
        using var rig = new Smmu2Rig(
            Smmu2Unit.Presets.Single(preset => preset.Name == unit),
            new Smmu2DriverOptions { Stage = stage, Format = format, GranuleLog2 = granule });
        var domain = rig.Attached(policy);
        var traits = rig.Driver.Traits;
        ulong page = traits.PageSizes & (0 - traits.PageSizes);
        ulong rest = traits.PageSizes & ~page;
        ulong block = rest & (0 - rest);
        ulong large = Math.Max(block, 0x200_0000);
        (ulong Iova, ulong Bytes)[] ranges = [(large, page), ((4 * large) - page, 3 * page), (6 * large, block), (8 * large, block + page)];
        ulong first = Smmu2Rig.Data & ~(block - 1);
        foreach (var (iova, bytes) in ranges)
        {
            rig.Reach(iova).ShouldBeNull();
            domain.Map(iova, first, bytes, Smmu2Rig.ReadWrite);
            domain.Flush();
            rig.Reach(iova, isWrite: true).ShouldBe(first);
            rig.Reach(iova + bytes - 8).ShouldBe(first + bytes - 8);
            rig.Reach(iova + bytes).ShouldBeNull();
        }

        foreach (var (iova, bytes) in ranges)
        {
            domain.Unmap(iova, bytes).ShouldBe(bytes);
            domain.Flush();
            for (ulong at = iova; at < iova + bytes; at += page)
            {
                rig.Reach(at).ShouldBeNull($"0x{at:x} after an unmap of 0x{bytes:x}");
            }

            // Other memory in the same place.
            domain.Map(iova, first + block, bytes, Protection.Read);
            domain.Flush();
            rig.Reach(iova).ShouldBe(first + block);
            rig.Reach(iova, isWrite: true).ShouldBeNull();
        }

        domain.Dispose();
        rig.Reach(large).ShouldBeNull();
        rig.Allocator.Outstanding.ShouldBe(0);
    }

    /// <summary>The order of Linux's reset, and of its set-up of a bank: SCTLR last.</summary>
    [Fact]
    public void The_driver_brings_the_SMMU_up_in_order()
    {
        using var rig = new Smmu2Rig(Smmu2Unit.Mmu500);
        uint[] order = [.. rig.Bus.Writes.Select(write => write.Offset).Where(offset => offset < 0x100)];
        order.ShouldBe(
        [
            Smmu2Global.FaultStatus, Smmu2Global.Auxiliary, Smmu2Global.DropHypervisor, Smmu2Global.DropAllGuests, Smmu2Global.Sync,
            Smmu2Global.Control0,
        ]);
        rig.Model.Read32(Smmu2Global.Control0).ShouldBe(0x0020_0000u | 0x1c06);
        rig.Model.Read32(rig.Unit.OffsetOf(31) + Smmu2Bank.Auxiliary).ShouldBe(1u, "the prefetcher is off");
        rig.Model.Read32(Smmu2Global.StreamMatch + 8).ShouldBe(0x8007_0040);

        rig.Bus.Writes.Clear();
        var domain = rig.Attached();
        uint bank = rig.Unit.OffsetOf(0);
        rig.Bus.Writes.Select(write => write.Offset).ShouldBe(
        [
            bank, 0x1000 + Smmu2Routing.Attributes2, 0x1000, bank + Smmu2Bank.Control2, bank + Smmu2Bank.TableControl, bank + Smmu2Bank.Table0,
            bank + Smmu2Bank.Table1, bank + Smmu2Bank.MemoryTypes0, bank + Smmu2Bank.MemoryTypes1, bank, Smmu2Global.StreamContext,
        ]);
        rig.Bus.Writes.Clear();
        domain.Detach(rig.Driver.Devices[0]);
        rig.Bus.Writes.ShouldBe(
        [
            (Smmu2Global.StreamContext, 0x2_0000), (bank + Smmu2Bank.DropAsid, 0), (bank + Smmu2Bank.Sync, 0), (bank, 0),
        ]);
    }

    [Theory]
    [InlineData(1, 0, new uint[] { 0x620 })]
    [InlineData(3, 0, new uint[] { 0x620, 0x620, 0x620 })]
    [InlineData(3, 3, new uint[] { 0x610 })]
    [InlineData(3, 4, new uint[] { 0x620, 0x620, 0x620 })]
    public void An_unmap_is_an_invalidation_for_each_page_and_one_sync(int pages, int threshold, uint[] registers)
    {
        using var rig = new Smmu2Rig(Smmu2Unit.Mmu500, new Smmu2DriverOptions { AddressSpaceThreshold = threshold });
        var domain = rig.Attached();
        var other = rig.Attached(device: 1);
        other.Map(0x10_0000, Smmu2Rig.Data, 8 * Page, Smmu2Rig.ReadWrite);
        rig.Bus.Writes.Clear();
        other.Unmap(0x10_0000, (ulong)pages * Page);
        uint bank = rig.Unit.OffsetOf(1);
        rig.Bus.Writes.Select(write => write.Offset).ShouldBe([.. registers.Select(register => bank + register), bank + Smmu2Bank.Sync]);
        rig.Bus.Writes[0].Value.ShouldBe(registers[0] == Smmu2Bank.DropAsid ? 1ul : 0x100 | (1ul << 48));
        domain.IsDisposed.ShouldBeFalse();
    }

    [Fact]
    public void A_block_is_one_invalidation_and_a_table_that_goes_takes_those_that_drop_tables()
    {
        using var rig = new Smmu2Rig(Smmu2Unit.Mmu500, new Smmu2DriverOptions { AddressSpaceThreshold = 0 });
        var domain = rig.Attached();
        domain.Map(0x4000_0000, Smmu2Rig.Data, 2 << 20, Smmu2Rig.ReadWrite);
        rig.Bus.Writes.Clear();
        domain.Unmap(0x4000_0000, 2 << 20);
        Registers(rig).ShouldBe([Smmu2Bank.DropVaLeaf, Smmu2Bank.Sync]);

        for (ulong page = 0; page < 512; page++)
        {
            domain.Map(0x4000_0000 + (page * Page), Smmu2Rig.Data + (page * Page), Page, Smmu2Rig.ReadWrite);
        }

        rig.Bus.Writes.Clear();
        domain.Unmap(0x4000_0000, 2 << 20);
        Registers(rig).ShouldBe([.. Enumerable.Repeat(Smmu2Bank.DropVa, 512), Smmu2Bank.Sync]);
    }

    [Fact]
    public void Stage_2_of_version_1_goes_by_VMID_and_short_tables_by_32_bits()
    {
        using var rig = new Smmu2Rig(Smmu2Unit.Mmu401);
        var domain = rig.Attached();
        domain.Map(0x10_0000, Smmu2Rig.Data, Page, Smmu2Rig.ReadWrite);
        rig.Bus.Writes.Clear();
        domain.Unmap(0x10_0000, Page);
        rig.Bus.Writes.ShouldBe([(Smmu2Global.DropVmid, 1), (Smmu2Global.Sync, 0)]);

        using var narrow = new Smmu2Rig(Smmu2Unit.Mmu400, new Smmu2DriverOptions { Format = Smmu2TableFormat.ShortDescriptors });
        narrow.Attached();
        domain = narrow.Attached(device: 1);
        domain.Map(0x10_0000, Smmu2Rig.Data, Page, Smmu2Rig.ReadWrite);
        narrow.Bus.Writes.Clear();
        domain.Unmap(0x10_0000, Page);
        uint bank = narrow.Unit.OffsetOf(1);
        narrow.Bus.Writes.ShouldBe([(bank + Smmu2Bank.DropVa, 0x10_0001), (bank + Smmu2Bank.Sync, 0)]);
    }

    [Fact]
    public void An_unmap_waits_for_a_sync_that_takes_long()
    {
        using var rig = new Smmu2Rig(modelOptions: new Smmu2ModelOptions { SyncReads = 5 });
        var domain = rig.Attached();
        domain.Map(0x10_0000, Smmu2Rig.Data, Page, Smmu2Rig.ReadWrite);
        rig.Reach(0x10_0000).ShouldBe(Smmu2Rig.Data);
        domain.Unmap(0x10_0000, Page);
        rig.Reach(0x10_0000).ShouldBeNull();

        Should.Throw<TimeoutException>(() => new Smmu2Rig(
            options: new Smmu2DriverOptions { Patience = TimeSpan.FromMilliseconds(20) },
            modelOptions: new Smmu2ModelOptions { SyncReads = int.MaxValue }));
    }

    [Fact]
    public void Devices_are_switched_by_one_register_and_reach_nothing_without_a_domain()
    {
        using var rig = new Smmu2Rig();
        rig.Reach(0x10_0000).ShouldBeNull();
        var one = rig.Attached();
        var two = rig.Driver.CreateDomain();
        one.Map(0x10_0000, Smmu2Rig.Data, Page, Smmu2Rig.ReadWrite);
        two.Map(0x10_0000, Smmu2Rig.Data + Page, Page, Smmu2Rig.ReadWrite);
        rig.Reach(0x10_0000).ShouldBe(Smmu2Rig.Data);
        var device = rig.Driver.Devices[0];
        two.Replace(device);
        rig.Reach(0x10_0000).ShouldBe(Smmu2Rig.Data + Page);
        rig.Driver.IdentityDomain.Replace(device);
        rig.Reach(0x10_0000).ShouldBe(0x10_0000ul);
        rig.Driver.BlockedDomain.Replace(device);
        rig.Reach(0x10_0000).ShouldBeNull();
        one.Replace(device);
        rig.Reach(0x10_0000).ShouldBe(Smmu2Rig.Data);
        one.Detach(device);
        rig.Reach(0x10_0000).ShouldBeNull();

        // All StreamIDs of a mask.
        var gpu = rig.Driver.CreateDomain();
        gpu.Attach(rig.Driver.GetDevice("gpu"));
        gpu.Map(0x10_0000, Smmu2Rig.Data, Page, Smmu2Rig.ReadWrite);
        rig.Model.Translate(new Smmu2Request(0x47, 0x10_0000, Smmu2Access.Read)).Outcome.ShouldBe(Smmu2Outcome.Allowed);
        rig.Model.Translate(new Smmu2Request(0x48, 0x10_0000, Smmu2Access.Read)).Outcome.ShouldBe(Smmu2Outcome.Abort);
    }

    [Fact]
    public void Banks_run_out_and_come_back_clean()
    {
        using var rig = new Smmu2Rig(
            Smmu2Unit.Mmu401,
            clients: [.. Enumerable.Range(0, 6).Select(i => new Smmu2Client($"device{i}", (uint)i))]);
        rig.Driver.Traits.AddressSpaces.ShouldBe(4);
        IommuDomain[] domains = [.. Enumerable.Range(0, 4).Select(i => rig.Attached(device: i))];
        domains[2].Map(0x10_0000, Smmu2Rig.Data, Page, Smmu2Rig.ReadWrite);
        rig.Reach(0x10_0000, device: 2).ShouldBe(Smmu2Rig.Data);
        var fifth = rig.Driver.CreateDomain();
        Should.Throw<IommuException>(() => fifth.Attach(rig.Driver.Devices[4])).Error.ShouldBe(IommuError.ENOSPC);
        rig.Reach(0x10_0000, device: 4).ShouldBeNull();
        domains[2].Dispose();
        fifth.Attach(rig.Driver.Devices[4]);
        rig.Reach(0x10_0000, device: 4).ShouldBeNull("nothing is left of who had the VMID before");
    }

    [Fact]
    public void Faults_reach_the_handler_of_the_domain()
    {
        using var rig = new Smmu2Rig();
        var domain = rig.Attached();
        var faults = new List<IommuFault>();
        var strays = new List<IommuFault>();
        domain.FaultHandler = faults.Add;
        rig.Driver.StrayFaultHandler = strays.Add;
        domain.Map(0x10_0000, Smmu2Rig.Data, Page, Protection.Read);
        rig.Dma().Write(0x10_0010, new byte[4]).IsComplete.ShouldBeFalse();
        rig.Dma().Read(0x20_0000, new byte[4]).IsComplete.ShouldBeFalse();
        faults.ShouldBe(
        [
            new IommuFault("usb", 0x10_0010, true, false, Protection.Read, "permission fault"),
            new IommuFault("usb", 0x20_0000, false, false, Protection.None, "translation fault"),
        ]);

        rig.Dma(1).Read(0x30_0000, new byte[4]).IsComplete.ShouldBeFalse();
        rig.Model.Translate(new Smmu2Request(0x99, 0x40_0000, Smmu2Access.Write)).Outcome.ShouldBe(Smmu2Outcome.Abort);
        strays.ShouldBe(
        [
            new IommuFault("disk", 0x30_0000, false, false, Protection.None, "invalid context"),
            new IommuFault("stream 0x99", 0x40_0000, true, false, Protection.None, "unidentified stream"),
        ]);
    }

    /// <summary>A device that faults, and of which nobody has heard yet, ends nothing that another one of its domain does.</summary>
    [Fact]
    public void A_fault_of_one_device_does_not_end_what_another_does()
    {
        using var rig = new Smmu2Rig();
        var domain = rig.Attached();
        domain.Attach(rig.Driver.GetDevice("disk"));
        domain.Map(0x10_0000, Smmu2Rig.Data, Page, Protection.Read);
        rig.Model.InterruptChanged = null;
        rig.Dma().Read(0x20_0000, new byte[4]).IsComplete.ShouldBeFalse();
        rig.Dma(1).Read(0x10_0000, new byte[4]).IsComplete.ShouldBeTrue();
        rig.Dma().Read(0x10_0000, new byte[4]).IsComplete.ShouldBeTrue();
    }

    /// <summary>A second fault between the driver's look and its acknowledgement leaves MULTI behind, which is acknowledged too.</summary>
    [Fact]
    public void What_came_between_two_looks_is_acknowledged()
    {
        using var rig = new Smmu2Rig();
        var domain = rig.Attached();
        var faults = new List<IommuFault>();
        domain.FaultHandler = faults.Add;
        rig.Driver.StrayFaultHandler = faults.Add;
        int bank = Enumerable.Range(0, rig.Unit.BankCount).Single(one => (rig.Model.Read32(rig.Unit.OffsetOf(one)) & 1) != 0);
        rig.Model.InterruptChanged = null;
        rig.Model.Write32(rig.Unit.OffsetOf(bank) + Smmu2Bank.FaultStatusRestore, Smmu2Bank.Faults.Multiple);
        rig.Model.Write32(Smmu2Global.FaultStatusRestore, Smmu2Global.Faults.Multiple);
        rig.Driver.HandleInterrupt();
        (rig.Model.Read32(rig.Unit.OffsetOf(bank) + Smmu2Bank.FaultStatus) & Smmu2Bank.Faults.Multiple).ShouldBe(0u);
        rig.Model.Read32(Smmu2Global.FaultStatus).ShouldBe(0u);
        faults.ShouldBeEmpty();
    }

    /// <summary>By IPA, AArch32's tables too are told with the address from bit 12 on in bit 0, as Linux does (IHI 0062, section 17.3.4).</summary>
    [Fact]
    public void An_IPA_is_told_alike_for_both_kinds_of_tables()
    {
        foreach (var format in new[] { Smmu2TableFormat.Aarch64, Smmu2TableFormat.LongDescriptors })
        {
            using var rig = new Smmu2Rig(options: new Smmu2DriverOptions { Stage = Smmu2Stage.Stage2, Format = format });
            var domain = rig.Attached();
            domain.Map(0x1234_5000, Smmu2Rig.Data, Page, Smmu2Rig.ReadWrite);
            rig.Reach(0x1234_5000).ShouldBe(Smmu2Rig.Data);
            rig.Bus.Writes.Clear();
            domain.Unmap(0x1234_5000, Page);
            rig.Bus.Writes.Where(write => (write.Offset & 0xfff) is Smmu2Bank.DropIpa or Smmu2Bank.DropIpaLeaf)
                .Select(write => write.Value).Distinct().ShouldBe([0x1_2345ul], format.ToString());
            rig.Reach(0x1234_5000).ShouldBeNull();
        }
    }

    [Fact]
    public void A_stall_is_ended_after_its_handler()
    {
        using var rig = new Smmu2Rig();
        var domain = rig.Attached();
        var ended = new List<Smmu2StallEnd>();
        rig.Model.StallEnded = ended.Add;
        int handled = 0;
        domain.FaultHandler = _ =>
        {
            ended.ShouldBeEmpty();
            handled++;
        };
        uint bank = rig.Unit.OffsetOf(rig.Unit.Stage2BankCount);
        rig.Model.Write32(bank, rig.Model.Read32(bank) | Smmu2Bank.Control.FaultStalls);
        rig.Reach(0x20_0000).ShouldBeNull();
        handled.ShouldBe(1);
        ended.Count.ShouldBe(1);
        ended[0].Outcome.ShouldBe(Smmu2Outcome.Abort);
    }

    [Fact]
    public void What_the_hardware_cannot_do_is_refused()
    {
        Should.Throw<ArgumentException>(() => new Smmu2Rig(Smmu2Unit.Mmu401, new Smmu2DriverOptions { Stage = Smmu2Stage.Stage1 }));
        Should.Throw<ArgumentException>(() => new Smmu2Rig(Smmu2Unit.Mmu500, new Smmu2DriverOptions { GranuleLog2 = 14 }));
        Should.Throw<ArgumentException>(() => new Smmu2Rig(Smmu2Unit.Mmu400, new Smmu2DriverOptions { Format = Smmu2TableFormat.Aarch64 }));
        var options = new Smmu2DriverOptions { Stage = Smmu2Stage.Stage2, Format = Smmu2TableFormat.ShortDescriptors };
        Should.Throw<ArgumentException>(() => new Smmu2Rig(options: options));
        Should.Throw<ArgumentException>(() => new Smmu2Rig(options: new Smmu2DriverOptions { AddressSpaceThreshold = -1 }));
        Should.Throw<ArgumentException>(() => new Smmu2Rig(clients: []));
        Should.Throw<ArgumentException>(() => new Smmu2Rig(clients: [new("one", 8), new("two", 9, Mask: 1)]));
        Should.Throw<ArgumentException>(() => new Smmu2Rig(clients: [new("one", 0x1_0000)]));
    }

    [Fact]
    public void An_operation_allocates_nothing()
    {
        using var rig = new Smmu2Rig();
        rig.Bus.Writes.Capacity = 100_000;
        var domain = rig.Attached();
        Work();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++)
        {
            Work();
        }

        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBe(0);

        void Work()
        {
            domain.Map(0x10_0000, Smmu2Rig.Data, 8 * Page, Smmu2Rig.ReadWrite);
            _ = rig.Reach(0x10_0000);
            domain.Unmap(0x10_0000, 8 * Page);
        }
    }

    private static uint[] Registers(Smmu2Rig rig) => [.. rig.Bus.Writes.Select(write => write.Offset & (Bank - 1))];
}
