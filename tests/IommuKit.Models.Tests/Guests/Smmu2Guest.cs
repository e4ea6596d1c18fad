using IommuKit.Models.Dma;
using IommuKit.Models.Memory;
using IommuKit.Models.Smmu2;
using IommuKit.Specs.Memory;
using IommuKit.Specs.Smmu2;

namespace IommuKit.Models.Tests.Guests;

/// <summary>Writes anything anywhere in front of an SMMUv2, with an emulator's memory and listeners that call back.</summary>
internal sealed class Smmu2Guest : IHostileGuest, IMemoryAccessor
{
    private const int Bytes = 64 << 10;
    private const int DeepestCall = 3;

    private static readonly uint[] GlobalRegisters =
    [
        Smmu2Global.Control0, Smmu2Global.Auxiliary, Smmu2Global.FaultStatus, Smmu2Global.FaultStatusRestore, Smmu2Global.DropVmid,
        Smmu2Global.DropAllGuests, Smmu2Global.Sync, Smmu2Global.TranslateFirst, Smmu2Global.TranslateFirst + 0x20,
    ];

    private static readonly uint[] BankRegisters =
    [
        Smmu2Bank.SystemControl, Smmu2Bank.Resume, Smmu2Bank.Control2, Smmu2Bank.Table0, Smmu2Bank.Table1, Smmu2Bank.TableControl,
        Smmu2Bank.ContextId, Smmu2Bank.FaultStatus, Smmu2Bank.FaultStatusRestore, Smmu2Bank.DropVa, Smmu2Bank.DropVaAllAsids, Smmu2Bank.DropAsid,
        Smmu2Bank.DropAll, Smmu2Bank.DropIpa, Smmu2Bank.DropVaLeaf, Smmu2Bank.Sync, Smmu2Bank.TranslateFirst,
    ];

    private readonly Random _random;
    private readonly Smmu2Unit _unit;
    private readonly byte[] _memory = new byte[Bytes];
    private int _depth;

    public Smmu2Guest(Smmu2Unit unit, Random random)
    {
        _random = random;
        _unit = unit;
        Model = new Smmu2Model<CallbackMemory>(
            unit,
            new CallbackMemory(this),
            new Smmu2ModelOptions { Iotlb = new(2, 2), TableCache = new(2, 1), PostedInvalidations = 4, SyncReads = random.Next(3) })
        {
            InterruptChanged = _ => CallBack(),
            StallEnded = _ => CallBack(),
        };
        GuestWords.Fill(_memory, random, WordOf);

        // A bank that leads somewhere, so that there are walks.
        int bank = unit.Stage2BankCount < unit.BankCount ? unit.Stage2BankCount : 0;
        Write(bank, Smmu2Bank.Table0, (ulong)random.Next(16) << 12);
        Write(bank, Smmu2Bank.TableControl, 24 | (1u << 6) | (5u << 16));
        Write(bank, Smmu2Bank.SystemControl, (uint)random.Next(512) | 1);
        Model.Write32((1u << unit.PageShift) + ((uint)bank * 4), (uint)random.Next(4) << 16);
        Model.Write32((1u << unit.PageShift) + Smmu2Routing.Attributes2 + ((uint)bank * 4), (uint)random.Next(2));
        Model.Write32(Smmu2Global.StreamMatch, Smmu2StreamMatch.Of(0, 0xff, isWide: false).Value);
        Model.Write32(Smmu2Global.StreamContext, Smmu2StreamContext.Translate(bank).Value);
        Model.Write32(Smmu2Global.Control0, 0x66);
    }

    public Smmu2Model<CallbackMemory> Model { get; }

    public void Step()
    {
        int bank = _random.Next(Math.Min(_unit.BankCount, 8));
        switch (_random.Next(11))
        {
            case 0:
                Model.Write32((uint)_random.Next((int)_unit.RegisterBytes), (uint)_random.NextInt64());
                break;
            case 1:
                Model.Write64((uint)_random.Next((int)_unit.RegisterBytes), Word());
                break;
            case 2:
                Model.Write64(GlobalRegisters[_random.Next(GlobalRegisters.Length)], Word());
                break;
            case 3 or 4:
                Write(bank, BankRegisters[_random.Next(BankRegisters.Length)], Word());
                break;
            case 5:
                Model.Write32(Smmu2Global.StreamContext + ((uint)_random.Next(4) * 4), (uint)bank | ((uint)_random.Next(8) << 16));
                break;
            case 6:
                BitConverter.TryWriteBytes(_memory.AsSpan(_random.Next(Bytes / 8) * 8), Word());
                break;
            case 7:
                _ = Model.Read64((uint)_random.Next((int)_unit.RegisterBytes));
                _ = Model.Read32(_unit.OffsetOf(bank) + Smmu2Bank.SyncStatus);

                // A fault that nobody clears may end everything.
                Model.Write32(_unit.OffsetOf(bank) + Smmu2Bank.FaultStatus, uint.MaxValue);
                break;
            case 8 when _random.Next(8) == 0:
                Model.Restore(Model.Save());
                break;
            default:
                using (Model.Accesses.Enter())
                {
                    _ = Model.Translate(new Smmu2Request((uint)_random.Next(4), Address(), (Smmu2Access)_random.Next(16)));
                    var range = Model.Translate(new DmaRequest(_random.Next(-2, 9), Address(), _random.Next(2) == 0));
                    (range.IsAllowed ? range.Length : 1).ShouldBeGreaterThan(0ul);
                }

                break;
        }
    }

    public bool TryRead(ulong physicalAddress, Span<byte> destination)
    {
        if (_random.Next(50) == 0)
        {
            CallBack();
        }

        if (physicalAddress >= Bytes || (ulong)destination.Length > Bytes - physicalAddress)
        {
            return false;
        }

        _memory.AsSpan((int)physicalAddress, destination.Length).CopyTo(destination);
        return true;
    }

    public bool TryWrite(ulong physicalAddress, ReadOnlySpan<byte> source) => false;

    private void CallBack()
    {
        if (_depth < DeepestCall)
        {
            _depth++;
            Step();
            _depth--;
        }
    }

    private void Write(int bank, uint register, ulong value) => Model.Write64(_unit.OffsetOf(bank) + register, value);

    private ulong Address() => _random.Next(3) switch
    {
        0 => (ulong)_random.NextInt64() * 2,
        1 => (ulong)_random.Next(1 << 22),
        _ => (ulong)_random.NextInt64() >> _random.Next(64),
    };

    private ulong Word() => WordOf(_random);

    /// <summary>Anything, and often what could be an entry that points into this memory.</summary>
    private static ulong WordOf(Random random) => random.Next(4) switch
    {
        0 => (ulong)random.NextInt64() * 2,
        1 => (ulong)random.Next(1 << 16),
        _ => ((ulong)random.Next(16) << 12) | (uint)random.Next(4) | 0x7c0 | (random.Next(8) == 0 ? 1ul << random.Next(64) : 0),
    };
}
