using System.Text;
using IommuKit.Models.Tests.Guests;
using IommuKit.Specs.Smmu2;
using IommuKit.Specs.Smmu3;
using IommuKit.Specs.Vtd;
using IommuKit.Traces;
using IommuKit.Traces.Faults;
using IommuKit.Traces.Tests.Fuzzing;

namespace IommuKit.Fuzz;

/// <summary>What gets a fuzzer's inputs.</summary>
/// <param name="Name">As the command line says it.</param>
/// <param name="Run">Takes one input; an exception is a defect.</param>
/// <param name="Seeds">Inputs to begin with.</param>
internal sealed record FuzzTarget(string Name, Action<byte[]> Run, Func<IEnumerable<byte[]>> Seeds)
{
    // More than this from an input of some kilobytes is held by mistake.
    private const long MostBytes = 64 << 20;

    private const int SeedCount = 8;
    private const int SeedBytes = 500;

    public static IReadOnlyList<FuzzTarget> All { get; } =
    [
        OfModel("vtd", VtdUnit.Presets, (unit, random) => new VtdGuest(unit, random)),
        OfModel("smmuv2", Smmu2Unit.Presets, (unit, random) => new Smmu2Guest(unit, random)),
        OfModel("smmuv3", Smmu3Unit.Presets, (unit, random) => new Smmu3Guest(unit, random)),
        new("trace", ReadTrace, TraceSeeds),
        new("log", ReadLog, LogSeeds),
    ];

    public static FuzzTarget? Find(string name) => All.FirstOrDefault(one => one.Name == name);

    private static FuzzTarget OfModel<TUnit>(string name, IEnumerable<TUnit> presets, Func<TUnit, Random, IHostileGuest> begin)
    {
        TUnit[] units = [.. presets];
        return new(name, Run, Seeds);

        void Run(byte[] input)
        {
            var random = new InputRandom(input);
            var guest = begin(units[random.Next(units.Length)], random);
            long before = GC.GetTotalMemory(forceFullCollection: false);
            while (!random.IsSpent)
            {
                guest.Step();
            }

            long held = GC.GetTotalMemory(forceFullCollection: false) - before;
            if (held > MostBytes && GC.GetTotalMemory(forceFullCollection: true) - before > MostBytes)
            {
                throw new InvalidOperationException($"{held} bytes are held after {input.Length} bytes of input.");
            }
        }

        IEnumerable<byte[]> Seeds()
        {
            var random = new Random(1);
            for (int i = 0; i < SeedCount * units.Length; i++)
            {
                byte[] seed = new byte[SeedBytes];
                random.NextBytes(seed);
                seed[0] = (byte)(i % units.Length);
                yield return seed;
            }
        }
    }

    private static void ReadTrace(byte[] input)
    {
        using var file = new FuzzedFile();
        _ = file.Read(input);
    }

    private static IEnumerable<byte[]> TraceSeeds()
    {
        var random = new Random(1);
        return
        [
            .. TextSeeds.Samples.Select(sample => TextSeeds.Join(sample.Take(20))),
            .. Enumerable.Range(0, 30).Select(_ => TextSeeds.Join(TextSeeds.Generate(random))),
            .. DatSeeds.All(),
        ];
    }

    private static void ReadLog(byte[] input)
    {
        string path = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(path, input);
            var log = KernelLogReader.Read(path);
            log.Faults.Count.ShouldBeLessThanOrEqualTo((int)Math.Min(int.MaxValue, log.Lines));
        }
        catch (InputException)
        {
            // Refused in one line.
        }
        finally
        {
            File.Delete(path);
        }
    }

    /// <summary>Each message of an IOMMU in the logs of the tests, with the lines around it.</summary>
    private static IEnumerable<byte[]> LogSeeds()
    {
        foreach (string path in Directory.EnumerateFiles(RepositoryFiles.InRepository("tests", "IommuKit.Traces.Tests", "Faults", "Data"), "dmesg.txt", SearchOption.AllDirectories))
        {
            string[] lines = File.ReadAllLines(path);
            for (int i = 0; i < lines.Length; i += 8)
            {
                yield return Encoding.ASCII.GetBytes(string.Join('\n', lines.Skip(i).Take(12)));
            }
        }
    }
}
