using IommuKit.Models.Memory;
using IommuKit.Models.Vtd;
using IommuKit.Specs.Memory;
using IommuKit.Specs.Vtd;

namespace IommuKit.Models.Tests.Guests;

/// <summary>Writes anything anywhere in front of a VT-d, with an emulator's memory and listeners that call back.</summary>
internal sealed class VtdGuest : IHostileGuest, IMemoryAccessor
{
    private const int Bytes = 64 << 10;
    private const int DeepestCall = 3;

    private static readonly uint[] Favourites =
    [
        VtdRegister.GlobalCommand, VtdRegister.RootTable, VtdRegister.ContextCommand, VtdRegister.FaultStatus, VtdRegister.FaultEvent,
        VtdRegister.QueueTail, VtdRegister.QueueTail, VtdRegister.QueueAddress, VtdRegister.CompletionEvent, VtdRegister.InterruptTable,
        VtdRegister.PageQueueAddress, VtdRegister.PageQueueHead, VtdRegister.PageRequestStatus, VtdRegister.ProtectedMemoryEnable, 0xf8, 0x22c,
    ];

    private readonly Random _random;
    private readonly byte[] _memory = new byte[Bytes];
    private readonly bool _isScalable;
    private int _depth;

    public VtdGuest(VtdUnit unit, Random random)
    {
        _random = random;
        _isScalable = unit.ExtendedCapability.ScalableMode && random.Next(4) != 0;
        Model = new VtdModel<CallbackMemory>(unit, new CallbackMemory(this), new VtdModelOptions { Iotlb = new(2, 2), TableCache = new(2, 1) })
        {
            MessageSent = _ => CallBack(),
            DeviceTlbInvalidated = _ =>
            {
                CallBack();
                return _random.Next(4) != 0;
            },
            PageGroupResponded = _ => CallBack(),
            WriteBufferFlushed = CallBack,
        };
        GuestWords.Fill(_memory, random, WordOf);

        // Half of the guests begin with structures that lead somewhere: root, contexts, directory and PASIDs in pages 0, 1, 3 and 4.
        if (random.Next(2) == 0)
        {
            BuildStructures();
        }
    }

    public VtdModel<CallbackMemory> Model { get; }

    public void Step()
    {
        switch (_random.Next(12))
        {
            case 0:
                Model.Write32((uint)_random.Next(0x1000), (uint)_random.NextInt64());
                break;
            case 1:
                Model.Write64(Favourites[_random.Next(Favourites.Length)], Word());
                break;
            case 2:
                // A driver's own way, now and then, so that something is on.
                bool isBuilt = _random.Next(4) != 0;
                Model.Write64(VtdRegister.RootTable, isBuilt ? _isScalable ? 1ul << 10 : 0 : (Next(16) << 12) | (Next(4) << 10));
                Model.Write64(VtdRegister.QueueAddress, (Next(16) << 12) | (Next(2) << 11) | Next(3));
                Model.Write32(VtdRegister.GlobalCommand, 0x4400_0000);
                Model.Write32(VtdRegister.GlobalCommand, 0x8600_0000);
                break;
            case 3:
                Model.Write64(VtdRegister.QueueTail, Next(256) << 4);
                break;
            case 4:
                Model.Write32(VtdRegister.FaultStatus, uint.MaxValue);
                break;
            case 5:
                BitConverter.TryWriteBytes(_memory.AsSpan(_random.Next(Bytes / 8) * 8), Word());
                break;
            case 6:
                Model.TryRemap(new VtdInterruptRequest((ushort)_random.Next(), 0xfee0_0000 | Next(1 << 20), (uint)_random.Next(1 << 17)), out _);
                break;
            case 7:
                int? owner = _random.Next(2) == 0 ? null : _random.Next(1 << 20);
                Model.TryRequestPage(new VtdPageRequest((ushort)_random.Next(8), Word(), _random.Next(), owner));
                break;
            case 8:
                Model.Read64((uint)_random.Next(0x1000));
                break;
            default:
                var type = (VtdAddressType)_random.Next(_random.Next(3) == 0 ? 3 : 1);
                int pasid = _random.Next(2) == 0 ? VtdRequest.NoPasid : _random.Next(1 << _random.Next(21));
                ulong address = Word() >> _random.Next(40);
                var answer = Model.Translate(new VtdRequest((ushort)_random.Next(16), address, (VtdAccess)_random.Next(32), pasid, type));
                (answer.Outcome == VtdOutcome.Allowed).ShouldBe(answer.Range.IsAllowed);
                break;
        }
    }

    public bool TryRead(ulong physicalAddress, Span<byte> destination)
    {
        if (_random.Next(64) == 0)
        {
            CallBack();
        }

        if (physicalAddress > (ulong)(Bytes - destination.Length))
        {
            return false;
        }

        _memory.AsSpan((int)physicalAddress, destination.Length).CopyTo(destination);
        return true;
    }

    public bool TryWrite(ulong physicalAddress, ReadOnlySpan<byte> source)
    {
        CallBack();
        if (physicalAddress > (ulong)(Bytes - source.Length))
        {
            return false;
        }

        source.CopyTo(_memory.AsSpan((int)physicalAddress));
        return true;
    }

    private void BuildStructures()
    {
        Put(0, (1 << 12) | 1, _isScalable ? (1ul << 12) | 1 : 0);
        for (int device = 0; device < 16; device++)
        {
            if (_isScalable)
            {
                Put(0x1000 + (device * 32), (3 << 12) | 1 | (Next(8) << 2), 0, 0, 0);
            }
            else
            {
                Put(0x1000 + (device * 16), (Next(5, 16) << 12) | 1, Next(1, 4) | (Next(3) << 8));
            }
        }

        Put(0x3000, (4 << 12) | 1);
        for (int pasid = 0; pasid < 64; pasid++)
        {
            ulong table = Next(5, 16) << 12;
            Put(0x4000 + (pasid * 64), table | 1 | (Next(1, 5) << 6) | (2 << 2), Next(3), table, 0, 0, 0, 0, 0);
        }
    }

    private void Put(int at, params ReadOnlySpan<ulong> values)
    {
        foreach (ulong value in values)
        {
            BitConverter.TryWriteBytes(_memory.AsSpan(at), value);
            at += sizeof(ulong);
        }
    }

    private void CallBack()
    {
        if (_depth < DeepestCall)
        {
            _depth++;
            Step();
            _depth--;
        }
    }

    private static ulong Below(Random random, int end) => (ulong)random.NextInt64(end);

    private ulong Next(int end) => Below(_random, end);

    private ulong Next(int start, int end) => (ulong)_random.NextInt64(start, end);

    private ulong Word() => WordOf(_random);

    /// <summary>A number that is an entry, a descriptor or an address as often as not.</summary>
    private static ulong WordOf(Random random) => random.Next(8) switch
    {
        0 => (ulong)random.NextInt64(),
        1 => ulong.MaxValue << random.Next(64),
        2 => (Below(random, 16) << 12) | Below(random, 4096),
        3 => (ulong)random.NextInt64(1, 10) | (Below(random, 16) << 4) | (Below(random, 4) << 16),
        4 => 0x25 | (Below(random, int.MaxValue) << 32),
        5 => (Below(random, 16) << 12) | 0x100 | Below(random, 256),
        _ => (Below(random, 16) << 12) | 7,
    };
}
