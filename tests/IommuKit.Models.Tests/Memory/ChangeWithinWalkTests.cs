using IommuKit.Models.Memory;
using IommuKit.Models.Smmu2;
using IommuKit.Models.Smmu3;
using IommuKit.Models.Tegra;
using IommuKit.Models.Tests.Smmu2;
using IommuKit.Models.Tests.Smmu3;
using IommuKit.Models.Tests.Tegra;
using IommuKit.Models.Tests.Vtd;
using IommuKit.Models.Vtd;
using IommuKit.Specs.Smmu2;
using IommuKit.Specs.Smmu3;
using IommuKit.Specs.Tegra;
using IommuKit.Specs.Vtd;

namespace IommuKit.Models.Tests.Memory;

/// <summary>
/// Memory that calls back lets a guest change a structure and invalidate it while the IOMMU reads for a transaction. That one may get either; the next
/// one gets the new, as nothing that was read before the invalidation is cached after it.
/// </summary>
public sealed class ChangeWithinWalkTests : TegraModelFixture
{
    private const ulong Old = 0x7000_0000;
    private const ulong New = 0x7100_0000;

    [Theory]
    [InlineData("stream")]
    [InlineData("context")]
    [InlineData("entry")]
    public void Smmu3_stage_1(string read)
    {
        using var machine = new Smmu3Machine();
        ulong first = machine.NewTable();
        ulong second = machine.NewTable();
        ulong leaf = machine.Map(first, 0x5000, Old | Smmu3Machine.ValidLeaf);
        machine.Map(second, 0x5000, New | Smmu3Machine.ValidLeaf);
        machine.BindFirst(first, asid: 3).SwitchOn();
        var memory = new CallingMemory(machine.Memory.DeviceView);
        var model = new Smmu3Model<CallbackMemory>(machine.Unit, memory.View);
        model.Restore(machine.Model.Save());
        ulong place = read switch
        {
            "stream" => Smmu3Machine.StreamTable + (Smmu3Machine.Device * 64ul),
            "context" => Smmu3Machine.Contexts + (Smmu3Machine.Device * 64ul),
            _ => leaf,
        };
        memory.AtRead(place, () =>
        {
            if (read == "stream")
            {
                // Another descriptor, whose table is the other one.
                ulong context = Smmu3Machine.Contexts + 0x1000;
                machine.Store(context, Smmu3Machine.First(3), second, 0, 0x44_00ff);
                machine.SetStream(Smmu3Machine.Device, context | (5 << 1) | 1);
            }
            else
            {
                machine.BindFirst(second, asid: 3);
            }

            machine.Submit(
                Smmu3Command.DropStream(Smmu3Machine.Device),
                Smmu3Command.DropContexts(Smmu3Machine.Device),
                Smmu3Command.Drop(Smmu3CommandCode.DropAsid, 0, 3),
                Smmu3Command.Sync());
            model.Write32(Smmu3Register.CommandProducer, machine.Model.Read32(Smmu3Register.CommandProducer));
        });

        _ = Ask(0x5000);
        memory.WasCalled.ShouldBeTrue();
        Ask(0x5000).ShouldBe(New);

        ulong Ask(ulong address) =>
            model.Translate(new Smmu3Request(Smmu3Machine.Device, address, Smmu3Access.Read)).Range.PhysicalOf(address);
    }

    [Fact]
    public void Smmu3_stage_2()
    {
        using var machine = new Smmu3Machine();
        ulong first = machine.NewTable();
        ulong leaf = machine.Map(first, 0x5000, 0x6000 | Smmu3Machine.ValidLeaf);
        ulong old = machine.NewIdentitySecond();
        ulong second = machine.NewIdentitySecond();
        machine.Map(second, 0x6000, New | 3 | (0xf << 2) | (3ul << 6) | (1 << 10), startLevel: 1, inputBits: 40);
        machine.BindNested(first, old).SwitchOn();
        var memory = new CallingMemory(machine.Memory.DeviceView);
        var model = new Smmu3Model<CallbackMemory>(machine.Unit, memory.View);
        model.Restore(machine.Model.Save());
        memory.AtRead(leaf, () =>
        {
            machine.BindNested(first, second);
            machine.Submit(
                Smmu3Command.DropStream(Smmu3Machine.Device), Smmu3Command.Drop(Smmu3CommandCode.DropVmid, 1), Smmu3Command.Sync());
            model.Write32(Smmu3Register.CommandProducer, machine.Model.Read32(Smmu3Register.CommandProducer));
        });

        _ = Ask(0x5000);
        memory.WasCalled.ShouldBeTrue();
        Ask(0x5000).ShouldBe(New);

        ulong Ask(ulong address) =>
            model.Translate(new Smmu3Request(Smmu3Machine.Device, address, Smmu3Access.Read)).Range.PhysicalOf(address);
    }

    /// <summary>Streams that changed are not translated by what the miss before them remembered.</summary>
    [Fact]
    public void Smmu3_misses_after_a_change()
    {
        using var machine = new Smmu3Machine();
        ulong first = machine.NewTable();
        ulong second = machine.NewTable();
        for (ulong page = 0; page < 8; page++)
        {
            machine.Map(first, 0x5000 + (page << 12), (Old + (page << 12)) | Smmu3Machine.ValidLeaf);
            machine.Map(second, 0x5000 + (page << 12), (New + (page << 12)) | Smmu3Machine.ValidLeaf | (1 << 7));
        }

        machine.BindFirst(first, asid: 1).BindFirst(second, asid: 2, stream: 9).SwitchOn();
        machine.Read(0x5000).ShouldBe(Old);
        machine.Read(0x6000).ShouldBe(Old + 0x1000);
        machine.Read(0x7000, stream: 9).ShouldBe(New + 0x2000);
        machine.Read(0x8000).ShouldBe(Old + 0x3000);
        machine.Write(0x9000).ShouldBe(Old + 0x4000);
        machine.BindFirst(second, asid: 1);
        machine.Read(0xa000).ShouldBe(Old + 0x5000);
        machine.Invalidate(Smmu3Command.DropStream(Smmu3Machine.Device), Smmu3Command.DropContexts(Smmu3Machine.Device));
        machine.Invalidate(Smmu3Command.Drop(Smmu3CommandCode.DropAllGuests));
        machine.Read(0xb000).ShouldBe(New + 0x6000);
        machine.Fault(0xc000, Smmu3Access.Write).Type.ShouldBe(Smmu3EventType.Permission);
        machine.Read(0xc000).ShouldBe(New + 0x7000);
        machine.Fault(0xd000).Type.ShouldBe(Smmu3EventType.Translation);
        machine.Model.Write32(Smmu3Register.Control0, 0);
        machine.Read(0xe000).ShouldBe(0xe000ul);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Smmu2_stage_2(bool readsRoot)
    {
        using var machine = new Smmu2Machine();
        ulong first = machine.NewTable();
        ulong leaf = machine.Map(first, 0x5000, 0x6000 | Smmu2Machine.Leaf);
        ulong old = NewSecond(machine, 0x6000);
        ulong second = NewSecond(machine, New);
        machine.SetFirst(5, first, attributes: Smmu2BankAttributes.Nested(1))
            .SetSecond(1, old)
            .SetStream(0, Smmu2Machine.Device, Smmu2StreamContext.Translate(5))
            .SwitchOn();
        var memory = new CallingMemory(machine.Memory.DeviceView);
        var model = new Smmu2Model<CallbackMemory>(machine.Unit, memory.View);
        model.Restore(machine.Model.Save());
        memory.AtRead(readsRoot ? first : leaf, () =>
        {
            model.Write64(machine.Unit.OffsetOf(1) + Smmu2Bank.Table0, second);
            model.Write32(Smmu2Global.DropVmid, 1);
            model.Write32(Smmu2Global.Sync, 0);
            model.Read32(Smmu2Global.SyncStatus).ShouldBe(0u);
        });

        _ = Ask(0x5000);
        memory.WasCalled.ShouldBeTrue();
        Ask(0x5000).ShouldBe(New);

        ulong Ask(ulong address) => model.Translate(new Smmu2Request(Smmu2Machine.Device, address, Smmu2Access.Read)).Range.PhysicalOf(address);
    }

    [Theory]
    [InlineData("context")]
    [InlineData("entry")]
    public void Vtd(string read)
    {
        using var machine = new VtdMachine();
        ulong first = machine.NewTable();
        ulong second = machine.NewTable();
        ulong leaf = machine.Map(first, 3, 0x5000, Old | 3);
        machine.Map(second, 3, 0x5000, New | 3);
        machine.Bind(first).SwitchOn();
        var memory = new CallingMemory(machine.Memory.DeviceView);
        var model = new VtdModel<CallbackMemory>(machine.Model.Unit, memory.View);
        model.Restore(machine.Model.Save());
        memory.AtRead(read == "context" ? VtdMachine.Context + (VtdMachine.Device * 16ul) : leaf, () =>
        {
            machine.Bind(second);
            machine.Submit(VtdMachine.Contexts(VtdGranularity.Global), VtdMachine.Iotlb(VtdGranularity.Domain, domain: 1));
            model.Write64(VtdRegister.QueueTail, machine.Model.Read64(VtdRegister.QueueTail));
        });

        _ = Ask(0x5000);
        memory.WasCalled.ShouldBeTrue();
        Ask(0x5000).ShouldBe(New);

        ulong Ask(ulong address) => model.Translate(new VtdRequest(VtdMachine.Device, address, VtdAccess.Read)).Range.PhysicalOf(address);
    }

    /// <summary>The flush of a table line, or of the TLB, while the line is read.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Tegra(bool readsTable)
    {
        const uint old = ReadWrite | 0x70000;
        const uint next = ReadWrite | 0x71000;
        Store(Directory, ReadWrite | TegraEntry.Next | (uint)(Table >> 12));
        Store(Table + (5 * sizeof(uint)), old);
        var memory = new CallingMemory(Memory.DeviceView);
        var model = new TegraSmmuModel<CallbackMemory>(TegraSoc.Tegra210, memory.View);
        SwitchOn(model, ReadWrite);
        memory.AtRead(readsTable ? Table + (5 * sizeof(uint)) : Directory, () =>
        {
            Store(Table + (5 * sizeof(uint)), next);
            Store(Directory, ReadWrite | TegraEntry.Next | (uint)(Table >> 12));
            model.Write32(TegraMc.PtcFlushHigh, TegraPtcFlush.LineHigh(Table));
            model.Write32(TegraMc.PtcFlush, TegraPtcFlush.Line(TegraSoc.Tegra210, Table + (5 * sizeof(uint))).Value);
            model.Write32(TegraMc.TlbFlush, TegraTlbFlush.All.Value);
            model.SettleWrites();

            // A transaction of another page in the middle reads lines of its own.
            _ = Read(model, 0x40_5000);
        });

        _ = Read(model, 0x5000);
        memory.WasCalled.ShouldBeTrue();
        Read(model, 0x5000).ShouldBe((ulong)(next & 0xfffff) << 12);
    }

    private static ulong NewSecond(Smmu2Machine machine, ulong physical)
    {
        const ulong leaf = Smmu2Machine.SecondLeaf;
        ulong root = machine.NewTable(2);
        for (ulong address = 0x20_0000; address < 0x28_0000; address += 0x1000)
        {
            machine.Map(root, address, address | leaf, startLevel: 1, inputBits: 40);
        }

        machine.Map(root, 0x6000, physical | leaf, startLevel: 1, inputBits: 40);
        return root;
    }
}
