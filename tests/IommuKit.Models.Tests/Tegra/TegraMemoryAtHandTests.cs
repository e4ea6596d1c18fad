using IommuKit.Models.Dma;
using IommuKit.Models.Memory;
using IommuKit.Models.Tegra;
using IommuKit.Specs.Memory;
using IommuKit.Specs.Tegra;

namespace IommuKit.Models.Tests.Tegra;

/// <summary>Whether memory is at hand or has to be asked changes nothing: neither what a device sees, nor what the caches count.</summary>
public sealed class TegraMemoryAtHandTests : TegraModelFixture
{
    private const ulong Iova = 0x4000_0000;
    private const int Directories = 1;
    private const int Tables = 2;

    [Theory]
    [InlineData(16 << 10, CacheReplacement.RoundRobin)]
    [InlineData(32 << 10, CacheReplacement.LeastRecentlyUsed)]
    [InlineData(64 << 10, CacheReplacement.RoundRobin)]
    public void All_memory_is_walked_alike(int groupBytes, CacheReplacement replacement)
    {
        var options = new TegraModelOptions { TlbGroupBytes = groupBytes, TlbReplacement = replacement, PtcSets = 2, PtcWays = 2 };
        var models = new[] { 0, Directories, Tables, Directories | Tables }
            .Select(atHand => new TegraSmmuModel<PartlyAtHand>(TegraSoc.Tegra210, new PartlyAtHand(Memory.DeviceView, atHand), options)).ToList();
        models.ForEach(model => SwitchOn(model, ReadWrite));
        var random = new Random(groupBytes);
        int pages = 0;
        for (int i = 0; i < 20_000; i++)
        {
            uint page = (uint)random.Next(1024);
            uint section = (uint)random.Next(4);
            switch (random.Next(16))
            {
                case 0:
                    Store(Table + (page * 4), random.Next(3) == 0 ? 0 : ReadWrite | page);
                    break;
                case 1:
                    // A table, a section or nothing.
                    uint entry = random.Next(3) switch { 0 => 0xf000_0000 | (uint)(Table >> 12), 1 => ReadWrite | 0x4_0000, _ => 0u };
                    Store(Directory + ((0x100 + section) * 4), entry);
                    break;
                case 2:
                    models.ForEach(model => Write(model, TegraMc.TlbFlush, TegraTlbFlush.All.Value));
                    break;
                case 3:
                    models.ForEach(model => Write(model, TegraMc.PtcFlush, 0));
                    break;
                case 4:
                    uint config = random.Next(4) == 0 ? 0x0800_003fu : 0x2800_003f;
                    models.ForEach(model => Write(model, TegraMc.PtcConfig, config));
                    break;
                default:
                    var request = new DmaRequest(Client, Iova + ((ulong)section << 22) + (page << 12), random.Next(2) == 0);
                    var answer = models.Select(model => model.Translate(request)).Distinct().ShouldHaveSingleItem();
                    pages += answer.IsAllowed ? 1 : 0;
                    break;
            }

            models.ForEach(model => model.Statistics.ShouldBe(models[0].Statistics));
        }

        pages.ShouldBeInRange(2000, 12_000);
        models[0].Statistics.PtcHits.ShouldBeGreaterThan(1000);
        models[0].Statistics.PtcMisses.ShouldBeGreaterThan(1000);
    }

    private static void Write(TegraSmmuModel<PartlyAtHand> model, uint register, uint value)
    {
        model.Write32(register, value);
        model.SettleWrites();
    }

    /// <summary>Memory of which only some can be had without a call.</summary>
    private readonly struct PartlyAtHand(DeviceMemory memory, int atHand) : IMemoryAccessor
    {
        public bool TryRead(ulong physicalAddress, Span<byte> destination) => memory.TryRead(physicalAddress, destination);

        public bool TryWrite(ulong physicalAddress, ReadOnlySpan<byte> source) => memory.TryWrite(physicalAddress, source);

        public bool TryCompareExchange(ulong physicalAddress, ulong expected, ulong value, out ulong seen) =>
            memory.TryCompareExchange(physicalAddress, expected, value, out seen);

        public void NoteWritten(ulong physicalAddress, int length) => memory.NoteWritten(physicalAddress, length);

        public bool TryGetSpan(ulong physicalAddress, int length, bool isWrite, out Span<byte> span)
        {
            span = default;
            return (atHand & (physicalAddress < Table ? Directories : Tables)) != 0
                && memory.TryGetSpan(physicalAddress, length, isWrite, out span);
        }
    }
}
