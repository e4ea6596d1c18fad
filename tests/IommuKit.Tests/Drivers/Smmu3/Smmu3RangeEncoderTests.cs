using FsCheck;
using FsCheck.Fluent;
using IommuKit.Drivers.Smmu3;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Tests.Drivers.Smmu3;

/// <summary>
/// Ranges as commands, against what IHI 0070 (sections 4.4.1 and 4.4.1.1) says of each: (NUM + 1) · 2^SCALE granules from an address on that is aligned to
/// the leaves of TTL, of which NUM, SCALE and TTL are not all 0; or, without TG, the page of one address.
/// </summary>
public sealed class Smmu3RangeEncoderTests
{
    private static readonly Smmu3RangeEncoding[] s_encodings = Enum.GetValues<Smmu3RangeEncoding>();

    [Fact]
    public void Every_page_is_covered_by_legal_commands()
    {
        var cases =
            from granule in Gen.Elements(12, 14, 16)
            from level in Gen.Choose(0, 3)
            from encoding in Gen.Elements(s_encodings)
            from hasRanges in Gen.Elements(true, true, true, false)
            from start in Gen.Choose(0, int.MaxValue)
            from countBits in Gen.Choose(0, hasRanges ? 30 : 9)
            from count in Gen.Choose(1, 1 << countBits)
            select (granule, level, encoding, hasRanges, start, count);
        Prop.ForAll(cases.ToArbitrary(), one => Check(one.granule, one.level, one.encoding, one.hasRanges, (ulong)one.start, (ulong)one.count))
            .Check(Config.QuickThrowOnFailure.WithMaxTest(20_000));
    }

    [Fact]
    public void Every_small_number_of_pages_is_covered()
    {
        foreach (var encoding in s_encodings)
        {
            for (ulong count = 1; count < 2200; count++)
            {
                Check(12, 3, encoding, hasRanges: true, 7, count);
                Check(12, 0, encoding, hasRanges: true, 7, count);
                Check(14, 1, encoding, hasRanges: true, 7, count);
            }
        }
    }

    [Theory]

    // What Linux's driver sent for ranges of its own: NUM, SCALE, TTL and TG from recordings.
    [InlineData(12, 0x50600000, 0x400000, 21, "0 10 2 1 50600000")]
    [InlineData(12, 0x800f2000, 0x3f000, 12, "30 0 3 1 800f2000, 0 5 3 1 80111000")]
    [InlineData(12, 0x80bbf000, 0x200000, 12, "0 9 3 1 80bbf000")]
    [InlineData(12, 0x80000000, 0x40000000, 30, "0 18 1 1 80000000")]
    [InlineData(14, 0x81728000, 0x804000, 14, "0 0 3 2 81728000, 0 9 3 2 8172c000")]
    [InlineData(14, 0x5a000000, 0x2000000, 25, "0 11 2 2 5a000000")]
    public void Ranges_are_encoded_as_Linux_does(int granule, ulong iova, ulong bytes, int leaf, string expected)
    {
        var rules = new Smmu3RangeRules(HasRanges: true, granule, Smmu3RangeEncoding.Padded);
        var encoder = new Smmu3RangeEncoder(Smmu3CommandCode.DropVa, 0, 3, new Smmu3Range(iova, bytes, leaf, IsLeaf: true), rules);
        var seen = new List<string>();
        while (encoder.TryNext(out var command))
        {
            command.IsLeaf.ShouldBeTrue();
            command.Asid.ShouldBe((ushort)3);
            seen.Add($"{command.Number} {command.Scale} {command.Level} {command.Granule} {command.Address:x}");
        }

        string.Join(", ", seen).ShouldBe(expected);
    }

    [Fact]
    public void A_range_without_a_hint_that_begins_with_one_page_is_legal()
    {
        foreach (var encoding in s_encodings)
        {
            foreach (ulong count in new ulong[] { 1, 33, 65, 1025 })
            {
                Check(12, 0, encoding, hasRanges: true, 3, count);
            }
        }
    }

    /// <summary>Encodes a range, and looks that every leaf is covered.</summary>
    /// <param name="granule">Log2 of the granule.</param>
    /// <param name="level">Arm's level of the leaves; 0 where pointers to tables went.</param>
    /// <param name="encoding">How it is encoded.</param>
    /// <param name="hasRanges">Whether there are ranges.</param>
    /// <param name="start">The first leaf, counted.</param>
    /// <param name="count">How many leaves.</param>
    private static bool Check(int granule, int level, Smmu3RangeEncoding encoding, bool hasRanges, ulong start, ulong count)
    {
        bool isLeaf = level != 0;
        int leafLog2 = isLeaf ? granule + ((3 - level) * (granule - 3)) : granule;
        bool isHinted = isLeaf && !(granule == 14 && level == 1);

        // Within 52 bits.
        start &= (1ul << (52 - leafLog2)) - 1;
        count = Math.Min(count, (1ul << (52 - leafLog2)) - start);
        ulong first = start << leafLog2;
        ulong bytes = count << leafLog2;
        var rules = new Smmu3RangeRules(hasRanges, granule, encoding);
        var encoder = new Smmu3RangeEncoder(Smmu3CommandCode.DropIpa, 9, 0, new Smmu3Range(first, bytes, leafLog2, isLeaf), rules);
        ulong next = first;
        int commands = 0;
        while (TryNext(ref encoder, ++commands, out var command))
        {
            command.Code.ShouldBe(Smmu3CommandCode.DropIpa);
            command.Vmid.ShouldBe((ushort)9);
            command.IsLeaf.ShouldBe(isLeaf);
            command.Address.ShouldBe(next, "a page is left out, or dropped twice");
            if (command.Granule == 0)
            {
                (command.Number, command.Scale, command.Level).ShouldBe((0, 0, 0));
                next += 1ul << (hasRanges ? granule : leafLog2);
                continue;
            }

            hasRanges.ShouldBeTrue();
            (10 + (2 * command.Granule)).ShouldBe(granule);
            (command.Number != 0 || command.Scale != 0 || command.Level != 0).ShouldBeTrue("CERROR_ILL");
            command.Level.ShouldBe(isHinted ? level : 0);
            command.Scale.ShouldBeLessThanOrEqualTo(31);
            command.Number.ShouldBeLessThanOrEqualTo(31);
            (command.Address & ((1ul << (isHinted ? leafLog2 : granule)) - 1)).ShouldBe(0ul, "not aligned to the leaves");
            next += ((ulong)(uint)command.Number + 1) << command.Scale << granule;
        }

        ulong beyond = next - (first + bytes);
        ulong allowed = encoding switch
        {
            Smmu3RangeEncoding.Covering when hasRanges => bytes / 16,
            Smmu3RangeEncoding.Padded when hasRanges && !isHinted => 1ul << granule,
            _ => 0,
        };
        beyond.ShouldBeLessThanOrEqualTo(allowed);
        if (hasRanges)
        {
            // Five bits of the number of granules in each; the last count is of none.
            commands.ShouldBeLessThanOrEqualTo(encoding == Smmu3RangeEncoding.Covering ? 1 + Pieces(bytes >> granule) : 8 + Pieces(bytes >> granule));
        }

        return true;
    }

    // One command is for 2^36 granules at most.
    private static int Pieces(ulong granules) => 1 + (int)(granules >> 36);

    private static bool TryNext(ref Smmu3RangeEncoder encoder, int number, out Smmu3Command command)
    {
        bool hasNext = encoder.HasAtLeast(1);
        bool hasTwo = encoder.HasAtLeast(2);
        encoder.TryNext(out command).ShouldBe(hasNext, $"command {number}");
        encoder.HasAtLeast(1).ShouldBe(hasTwo);
        return hasNext;
    }
}
