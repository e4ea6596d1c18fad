using System.Diagnostics;
using System.Globalization;
using IommuKit.PageTables;

namespace IommuKit.Benchmarks;

/// <summary>A program with page tables of its own, which answers requests of one line (benchmarks/peer/peer.c).</summary>
internal sealed class Peer : IDisposable
{
    private readonly Process _process;

    /// <summary>Starts it.</summary>
    /// <param name="name">What to call it.</param>
    /// <param name="file">The program.</param>
    public Peer(string name, string file)
    {
        Name = name;
        _process = Process.Start(new ProcessStartInfo(file) { RedirectStandardInput = true, RedirectStandardOutput = true, UseShellExecute = false })!;
    }

    /// <summary>What it is called.</summary>
    public string Name { get; }

    /// <summary>Gives it ranges to map, which it does once and checks.</summary>
    /// <param name="iovas">Where slots start.</param>
    /// <param name="ranges">What each is mapped to.</param>
    /// <param name="unmapSize">Bytes that one unmap takes; 0 to leave it mapped.</param>
    public void Prepare(IReadOnlyList<ulong> iovas, IReadOnlyList<PhysicalRange> ranges, ulong unmapSize) => _ = Ask(
        $"work {unmapSize} {ranges.Count} {string.Join(' ', ranges.Select(range => $"{range.Address} {range.Length}"))} {iovas.Count} {string.Join(' ', iovas)}");

    /// <summary>Starts with an empty page table. If nothing is to be unmapped, each round of <see cref="Pair"/> does then.</summary>
    public void Clear() => _ = Ask("clear");

    /// <summary>Maps and unmaps all slots so many times; nanoseconds of one map and of one unmap.</summary>
    public (double Map, double Unmap) Pair(int rounds)
    {
        string[] times = Ask(string.Create(CultureInfo.InvariantCulture, $"pair {rounds}")).Split(' ');
        return (Number(times[0]), Number(times[1]));
    }

    /// <summary>Looks up so many IOVAs; nanoseconds of one.</summary>
    public double LookUp(int order, int count) => Number(Ask(string.Create(CultureInfo.InvariantCulture, $"look {order} {count}")));

    public void Dispose()
    {
        _process.StandardInput.Close();
        _process.WaitForExit();
        _process.Dispose();
    }

    private static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);

    private string Ask(string request)
    {
        _process.StandardInput.WriteLine(request);
        _process.StandardInput.Flush();
        return _process.StandardOutput.ReadLine() ?? throw new InvalidOperationException($"{Name} ended.");
    }
}
