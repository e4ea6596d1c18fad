using System.Buffers.Binary;
using IommuKit.Models.Memory;
using IommuKit.Models.Smmu3;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Models.Tests.Guests;

/// <summary>Writes anything anywhere in front of an SMMUv3: registers, queues, tables, with devices of every kind beside it.</summary>
internal sealed class Smmu3Guest : IHostileGuest
{
    private const int Bytes = 64 << 10;
    private const ulong Commands = 0x8000;

    private static readonly Smmu3CommandCode[] Codes = Enum.GetValues<Smmu3CommandCode>();

    private static readonly uint[] Registers =
        [.. Enumerable.Range(0, 0x130 / 4).Select(i => (uint)i * 4), 0x100a8, 0x100ac, 0x100c8, 0x100cc];

    private readonly Random _random;
    private readonly Smmu3Unit _unit;
    private readonly byte[] _memory = new byte[Bytes];
    private readonly Queue<Smmu3Request> _pending = new();

    public Smmu3Guest(Smmu3Unit unit, Random random)
    {
        _random = random;
        _unit = unit;
        var memory = new GuestMemory();
        memory.Add(0, _memory);
        Model = new Smmu3Model<GuestMemoryView>(unit, memory.View, new Smmu3ModelOptions
        {
            Iotlb = new(4, 2),
            TableCache = new(2, 2),
            StreamCache = new(2, 2),
            StreamTableCache = new(1, 1),
            ContextCache = new(2, 2),
            ContextTableCache = new(1, 1),
        })
        {
            DeviceTlbInvalidated = _ => random.Next(4) != 0,
        };
        Model.StallEnded = end =>
        {
            if (end.Outcome == Smmu3Outcome.Retry && _pending.Count < 16)
            {
                _pending.Enqueue(end.Request);
            }
        };

        // Half of the guests begin with nothing in memory: then a structure, once written, is all that is there.
        if (random.Next(2) == 0)
        {
            GuestWords.Fill(_memory, random, WordOf);
        }

        SwitchOn();
    }

    public Smmu3Model<GuestMemoryView> Model { get; }

    /// <summary>What translations ended with.</summary>
    public HashSet<Smmu3Outcome> Outcomes { get; } = [];

    /// <summary>What was recorded of them.</summary>
    public HashSet<Smmu3EventType> Events { get; } = [];

    public void Step()
    {
        switch (_random.Next(12))
        {
            case 0:
                Model.Write32(Registers[_random.Next(Registers.Length)], Half());
                break;
            case 1:
                Model.Write64(Registers[_random.Next(Registers.Length)], Word());
                break;
            case 2:
                Model.Read64(Registers[_random.Next(Registers.Length)]);
                break;
            case 3 or 4:
                BinaryPrimitives.WriteUInt64LittleEndian(_memory.AsSpan(_random.Next(Bytes / 8) * 8), Word());
                break;
            case 5:
                StoreCommand();
                Model.Write32(Smmu3Register.CommandProducer, (uint)_random.Next(32));
                break;
            case 6 when _random.Next(20) == 0:
                SwitchOn();
                break;
            case 6:
                Model.Write32(Smmu3Register.GlobalErrorAck, Model.Read32(Smmu3Register.GlobalError));
                break;
            case 7:
                Model.RequestPage(new Smmu3PageRequest(Word(), Word()));
                break;
            case 8 when _pending.TryDequeue(out var again):
                Note(Model.Translate(again));
                break;
            default:
                Note(Model.Translate(new Smmu3Request(
                    _random.Next(8) == 0 ? Half() : (uint)_random.Next(16),
                    Word(),
                    (Smmu3Access)_random.Next(1, 16),
                    _random.Next(3) == 0 ? _random.Next(1 << 20) >> _random.Next(20) : Smmu3Request.NoSubstream,
                    (Smmu3RequestKind)(_random.Next(4) == 0 ? _random.Next(3) : 0))));
                break;
        }

        Model.StallCount.ShouldBeLessThanOrEqualTo(_unit.MostStalls);
    }

    private static ulong WordOf(Random random) => random.Next(6) switch
    {
        0 => (ulong)random.NextInt64() << 1,
        1 => (ulong)random.Next(16) << random.Next(60),
        2 => ((ulong)random.Next(16) << 12) | 0x4c3,
        3 => ((ulong)random.Next(1 << 16) & ~0x3ful) | (uint)((random.Next(8) << 1) | 1),
        4 => 0x0001_6603_8000_0000ul | (uint)random.Next(1 << 24) | ((ulong)(uint)random.Next(16) << 48),
        _ => ((ulong)random.Next(1 << 16) & ~0xful) | 3,
    };

    private ulong Word() => WordOf(_random);

    private uint Half() => _random.Next(2) == 0 ? (uint)Word() : (uint)_random.Next(64);

    private void Note(in Smmu3Translation answer)
    {
        Outcomes.Add(answer.Outcome);
        Events.Add(answer.Event);
    }

    /// <summary>A driver's own way, with sizes and bases of all kinds.</summary>
    private void SwitchOn()
    {
        Model.Write32(Smmu3Register.Control0, 0);
        Model.Write64(Smmu3Register.StreamTable, (ulong)_random.Next(16) << 12);
        Model.Write32(Smmu3Register.StreamTableConfig, (uint)_random.Next(12) | (uint)(_random.Next(2) << 16) | (8 << 6));
        Model.Write64(Smmu3Register.CommandQueue, Commands | (uint)_random.Next(6));
        Model.Write64(Smmu3Register.EventQueue, (0x9000ul + ((ulong)_random.Next(8) << 12)) | (uint)_random.Next(4));
        Model.Write64(Smmu3Register.PageRequestQueue, 0xa000 | (uint)_random.Next(6));
        Model.Write32(Smmu3Register.Control2, (uint)_random.Next(16));
        Model.Write32(Smmu3Register.InterruptControl, (uint)_random.Next(8));
        Model.Write32(Smmu3Register.Control0, 0xf | (uint)(_random.Next(2) << 4) | (_unit.HasVmidWildcards ? (uint)_random.Next(8) << 6 : 0));
    }

    private void StoreCommand()
    {
        int place = (int)Commands + (_random.Next(32) * 16);
        ulong operands = (ulong)_random.NextInt64() & 0xffff_ffff_ffff_fb00 & (_random.Next(2) == 0 ? ulong.MaxValue : 0x0000_000f_ffff_f800);
        BinaryPrimitives.WriteUInt64LittleEndian(_memory.AsSpan(place), operands | (ulong)Codes[_random.Next(Codes.Length)]);
        BinaryPrimitives.WriteUInt64LittleEndian(_memory.AsSpan(place + 8), (ulong)_random.NextInt64() >> _random.Next(60));
    }
}
