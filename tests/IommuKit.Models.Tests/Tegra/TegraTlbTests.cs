using IommuKit.Models.State;
using IommuKit.Models.Tegra;

namespace IommuKit.Models.Tests.Tegra;

/// <summary>The TLB of a Tegra against one that looks at every line each time.</summary>
public class TegraTlbTests
{
    private const int GroupShift = 15;
    private const int PageShift = 12;

    [Theory]
    [InlineData(16, CacheReplacement.RoundRobin, 1)]
    [InlineData(48, CacheReplacement.RoundRobin, 2)]
    [InlineData(48, CacheReplacement.LeastRecentlyUsed, 3)]
    [InlineData(64, CacheReplacement.LeastRecentlyUsed, 4)]
    [InlineData(1, CacheReplacement.RoundRobin, 5)]
    public void HoldsWhatOneThatLooksAtEveryLineHolds(int lines, CacheReplacement replacement, int seed)
    {
        var random = new Random(seed);
        var tlb = new TegraTlb(lines, GroupShift, PageShift, replacement) { ActiveLines = lines };
        var plain = new PlainTlb(lines, replacement) { ActiveLines = lines };
        int found = 0;
        for (int step = 0; step < 20_000; step++)
        {
            int asid = random.Next(2);
            uint iova = (uint)random.Next(lines * 2) << GroupShift;
            switch (random.Next(1000))
            {
                case 0:
                    tlb.ActiveLines = plain.ActiveLines = random.Next(lines + 1);
                    break;
                case 1:
                    tlb.FlushAll();
                    plain.Flush(null, 0, 32);
                    break;
                case < 10:
                    int? of = random.Next(3) == 0 ? null : asid;
                    int shift = random.Next(3) switch { 0 => GroupShift, 1 => 22, _ => 32 };
                    tlb.Flush(of, iova, shift);
                    plain.Flush(of, iova, shift);
                    break;
                case 10:
                    tlb = Restored(tlb, lines, replacement);
                    break;
                case < 500:
                    var line = tlb.Add(asid, iova);
                    line.Fill((uint)step);
                    Assert.Equal(plain.Add(asid, iova, (uint)step), !line.IsEmpty);
                    break;
                default:
                    var words = tlb.Find(asid, iova);
                    uint? expected = plain.Find(asid, iova);
                    Assert.Equal(expected, words.IsEmpty ? null : words[0]);
                    found += words.IsEmpty ? 0 : 1;
                    break;
            }

            if (replacement == CacheReplacement.RoundRobin)
            {
                bool isThere = tlb.TryPeek(asid, iova, out uint word);
                Assert.Equal(plain.Find(asid, iova), isThere ? word : null);
            }
        }

        Assert.InRange(found, 500, 10_000);
    }

    private static TegraTlb Restored(TegraTlb tlb, int lines, CacheReplacement replacement)
    {
        var state = StateTransfer.Save();
        tlb.Transfer(ref state);
        var restored = new TegraTlb(lines, GroupShift, PageShift, replacement) { ActiveLines = tlb.ActiveLines };
        StateTransfer.Restore(state.ToArray(), restored.Transfer, restored.Reset);
        return restored;
    }

    private sealed class PlainTlb(int lines, CacheReplacement replacement)
    {
        private readonly (int Asid, uint Group, uint Word)?[] _lines = new (int, uint, uint)?[lines];
        private readonly long[] _stamps = new long[lines];
        private long _clock;

        public int ActiveLines { get; set; }

        public uint? Find(int asid, uint iova)
        {
            for (int line = 0; line < ActiveLines; line++)
            {
                if (_lines[line] is { } held && held.Asid == asid && held.Group == iova >> GroupShift)
                {
                    if (replacement == CacheReplacement.LeastRecentlyUsed)
                    {
                        _stamps[line] = ++_clock;
                    }

                    return held.Word;
                }
            }

            return null;
        }

        public bool Add(int asid, uint iova, uint word)
        {
            if (ActiveLines == 0)
            {
                return false;
            }

            int victim = Array.FindIndex(_lines, 0, ActiveLines, line => line is null);
            if (victim < 0)
            {
                victim = Array.IndexOf(_stamps, _stamps.Take(ActiveLines).Min());
            }

            _stamps[victim] = ++_clock;
            _lines[victim] = (asid, iova >> GroupShift, word);
            return true;
        }

        public void Flush(int? asid, uint iova, int shift)
        {
            for (int line = 0; line < _lines.Length; line++)
            {
                if (_lines[line] is { } held && (asid is null || asid == held.Asid) && ((ulong)held.Group << GroupShift) >> shift == (ulong)iova >> shift)
                {
                    _lines[line] = null;
                }
            }
        }
    }
}
