using System.Buffers.Binary;
using IommuKit.Models.Memory;
using IommuKit.Models.Smmu2;
using IommuKit.Specs.Smmu2;

namespace IommuKit.Models.Tests.Smmu2;

/// <summary>An SMMU with memory, and software that writes its registers and tables by hand.</summary>
internal sealed class Smmu2Machine : IDisposable
{
    public const ulong Leaf = 3 | (1ul << 6) | (1ul << 10) | (1ul << 11);
    public const ulong SecondLeaf = 3 | (3ul << 6) | (1ul << 10) | (0xful << 2);

    /// <summary>A bank translates, and a fault is told and concerns nobody else.</summary>
    public const uint On = Smmu2Bank.Control.Enable
        | Smmu2Bank.Control.FaultAborts
        | Smmu2Bank.Control.FaultInterrupt
        | Smmu2Bank.Control.HitUnderFault;
    public const uint Device = 8;

    private ulong _nextTable = 0x20_0000;

    public Smmu2Machine(Smmu2Unit? unit = null, Smmu2ModelOptions? options = null)
    {
        Unit = unit ?? Smmu2Unit.Full;
        Model = new Smmu2Model<DeviceMemory>(Unit, Memory.DeviceView, options)
        {
            InterruptChanged = Interrupts.Add,
            StallEnded = Ended.Add,
        };
    }

    public Smmu2Unit Unit { get; }

    public PhysicalMemory Memory { get; } = new(1ul << 33, isCoherent: true);

    public Smmu2Model<DeviceMemory> Model { get; }

    public List<Smmu2Interrupt> Interrupts { get; } = [];

    public List<Smmu2StallEnd> Ended { get; } = [];

    public void Dispose() => Memory.Dispose();

    /// <summary>The SMMU translates, and a stream that nothing matches faults.</summary>
    public Smmu2Machine SwitchOn(uint more = 0)
    {
        Model.Write32(
            Smmu2Global.Control0,
            Smmu2Global.Control.FaultAborts | Smmu2Global.Control.FaultInterrupt | Smmu2Global.Control.UnmatchedFaults | more);
        return this;
    }

    public uint Bank(int bank, uint offset) => Model.Read32(Unit.OffsetOf(bank) + offset);

    public ulong Bank64(int bank, uint offset) => Model.Read64(Unit.OffsetOf(bank) + offset);

    public Smmu2Machine SetBank(int bank, uint offset, ulong value)
    {
        Model.Write64(Unit.OffsetOf(bank) + offset, value);
        return this;
    }

    public Smmu2Machine SetBank32(int bank, uint offset, uint value)
    {
        Model.Write32(Unit.OffsetOf(bank) + offset, value);
        return this;
    }

    public Smmu2Machine SetRouting(uint register, int bank, uint value)
    {
        Model.Write32((1u << Unit.PageShift) + register + ((uint)bank * 4), value);
        return this;
    }

    public uint Routing(uint register, int bank) => Model.Read32((1u << Unit.PageShift) + register + ((uint)bank * 4));

    /// <summary>Gives a group a stream and what becomes of it.</summary>
    public Smmu2Machine SetStream(int group, uint stream, Smmu2StreamContext context, uint mask = 0)
    {
        Model.Write32(Smmu2Global.StreamMatch + ((uint)group * 4), Smmu2StreamMatch.Of(stream, mask, isWide: false).Value);
        Model.Write32(Smmu2Global.StreamContext + ((uint)group * 4), context.Value);
        return this;
    }

    /// <summary>A bank of stage 1 with 48-bit tables of 4 KiB in AArch64.</summary>
    public Smmu2Machine SetFirst(int bank, ulong root, ushort asid = 1, uint control = On, Smmu2BankAttributes? attributes = null)
    {
        SetRouting(Smmu2Routing.Attributes2, bank, Smmu2Routing.Tables64);
        SetRouting(Smmu2Routing.Attributes, bank, (attributes ?? Smmu2BankAttributes.Stage1).Value);
        SetBank32(bank, Smmu2Bank.Control2, 5 | Smmu2Bank.WideAsids | (Smmu2Bank.SignUpstream << Smmu2Bank.SignShift));
        SetBank32(bank, Smmu2Bank.TableControl, 16 | (1u << 23));
        SetBank(bank, Smmu2Bank.Table0, root | ((ulong)asid << Smmu2Bank.AsidShift));
        SetBank32(bank, Smmu2Bank.MemoryTypes0, 0x0004_ff44);
        return SetBank32(bank, Smmu2Bank.SystemControl, control);
    }

    /// <summary>A bank of stage 2 with 40-bit tables of 4 KiB from level 1 in AArch64.</summary>
    public Smmu2Machine SetSecond(int bank, ulong root, ushort vmid = 1, uint control = On)
    {
        SetRouting(Smmu2Routing.Attributes2, bank, Smmu2Routing.Tables64);
        SetRouting(Smmu2Routing.Attributes, bank, Smmu2BankAttributes.Stage2(vmid).Value);
        SetBank32(bank, Smmu2Bank.TableControl, 24 | (1u << 6) | (5u << 16));
        SetBank(bank, Smmu2Bank.Table0, root);
        return SetBank32(bank, Smmu2Bank.SystemControl, control);
    }

    /// <summary>Invalidates through a bank, and waits.</summary>
    public void Invalidate(int bank, uint register, ulong value)
    {
        SetBank(bank, register, value);
        Sync(bank);
    }

    public void Sync(int bank)
    {
        SetBank32(bank, Smmu2Bank.Sync, 0);
        Bank(bank, Smmu2Bank.SyncStatus).ShouldBe(0u);
    }

    public Smmu2Translation Ask(ulong address, Smmu2Access access = Smmu2Access.Read, uint stream = Device) =>
        Model.Translate(new Smmu2Request(stream, address, access));

    /// <summary>Where a read comes out; null if it does not.</summary>
    public ulong? Read(ulong address, uint stream = Device)
    {
        var answer = Ask(address, Smmu2Access.Read, stream);
        return answer.Outcome == Smmu2Outcome.Allowed ? answer.Range.PhysicalOf(address) : null;
    }

    public void Store(ulong address, ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(Memory.CpuView.Span(address, 8), value);

    public void Store32(ulong address, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(Memory.CpuView.Span(address, 4), value);

    public ulong Load(ulong address) => BinaryPrimitives.ReadUInt64LittleEndian(Memory.CpuView.Span(address, 8));

    /// <summary>A zeroed table; a root of stage 2 may be two.</summary>
    public ulong NewTable(int pages = 1)
    {
        ulong bytes = (ulong)pages << 12;
        ulong table = (_nextTable + bytes - 1) & ~(bytes - 1);
        _nextTable = table + bytes;
        return table;
    }

    /// <summary>Stores a leaf of a page, and pointers to it where there are none.</summary>
    /// <returns>Where the leaf is.</returns>
    public ulong Map(ulong root, ulong address, ulong leaf, int leafLevel = 3, int startLevel = 0, int inputBits = 48)
    {
        address &= (1ul << inputBits) - 1;
        ulong table = root;
        for (int level = startLevel; level < leafLevel; level++)
        {
            ulong place = table + Offset(level);
            if (Load(place) == 0)
            {
                Store(place, NewTable() | 3);
            }

            table = Load(place) & 0x0000_ffff_ffff_f000;
        }

        ulong at = table + Offset(leafLevel);
        Store(at, leaf);
        return at;

        ulong Offset(int level)
        {
            ulong index = address >> (12 + ((3 - level) * 9));
            return (level == startLevel ? index : index & 0x1ff) * 8;
        }
    }
}
