using System.IO.Compression;

namespace IommuKit.Traces.Tests.Fuzzing;

/// <summary>
/// Readers get what is damaged in every way that chance finds, a few thousand inputs each: <c>IOMMUKIT_FUZZ=100000</c> makes it as many. The seeds
/// are fixed, so that what is found is found again.
/// </summary>
public sealed class FuzzTests : IDisposable
{
    private readonly FuzzedFile _file = new();

    public void Dispose() => _file.Dispose();

    /// <summary>Damage to one line is damage to that line: all others are read as before.</summary>
    [Fact]
    public void Text()
    {
        var random = new Random(1);
        var samples = TextSeeds.Samples.Select(sample => _file.Read(TextSeeds.Join(sample)).Lenient).ToList();
        int refused = 0;
        for (int input = 0; input < FuzzedFile.Inputs; input++)
        {
            int sample = random.Next(2 * samples.Count);
            byte[][] lines = sample < samples.Count ? TextSeeds.Samples[sample] : TextSeeds.Generate(random);
            var expected = sample < samples.Count ? samples[sample] : _file.Read(TextSeeds.Join(lines)).Lenient;
            int damaged = random.Next(lines.Length);
            bool mayBreakLines = random.Next(4) == 0;
            byte[][] changed = [.. lines];
            changed[damaged] = Mutation.Of(random, lines[damaged], mayBreakLines);
            var (strict, lenient) = _file.Read(TextSeeds.Join(changed));
            refused += strict is null ? 1 : 0;
            if (!mayBreakLines && lenient.Count != 0)
            {
                lenient.Where(e => e.Line != damaged + 1).SequenceEqual(expected.Where(e => e.Line != damaged + 1)).ShouldBeTrue($"input {input}");
            }
        }

        refused.ShouldBeInRange(FuzzedFile.Inputs / 20, FuzzedFile.Inputs);
    }

    /// <summary>Any bytes at all.</summary>
    [Fact]
    public void Text_that_is_damaged_all_over()
    {
        var random = new Random(2);
        for (int input = 0; input < FuzzedFile.Inputs; input++)
        {
            byte[] text = TextSeeds.Join(TextSeeds.Generate(random));
            for (int rounds = random.Next(8); rounds >= 0; rounds--)
            {
                text = Mutation.Of(random, text, mayBreakLines: true);
            }

            _ = _file.Read(text);
        }
    }

    /// <summary>The checksum tells: what is read strictly is what was written.</summary>
    [Fact]
    public void Gzip()
    {
        var random = new Random(3);
        int refused = 0;
        var seeds = TextSeeds.Samples.Select(sample => Compress(TextSeeds.Join(sample))).ToList();
        var expected = seeds.ConvertAll(seed => _file.Read(seed).Strict.ShouldNotBeNull());
        for (int input = 0; input < FuzzedFile.Inputs; input++)
        {
            int seed = random.Next(seeds.Count);
            var strict = _file.Read(Mutation.Of(random, seeds[seed], mayBreakLines: true)).Strict;
            refused += strict is null ? 1 : 0;
            if (strict is not null && strict.Count != 0)
            {
                strict.SequenceEqual(expected[seed]).ShouldBeTrue($"input {input}");
            }
        }

        refused.ShouldBeInRange(FuzzedFile.Inputs / 2, FuzzedFile.Inputs);
    }

    [Fact]
    public void Trace_dat()
    {
        var random = new Random(4);
        byte[][] seeds = [.. DatSeeds.All()];
        int refused = 0;
        for (int input = 0; input < FuzzedFile.Inputs; input++)
        {
            byte[] file = seeds[random.Next(seeds.Length)];
            for (int rounds = random.Next(3); rounds >= 0; rounds--)
            {
                file = MutateDat(random, file);
            }

            refused += _file.Read(file).Strict is null ? 1 : 0;
        }

        refused.ShouldBeInRange(FuzzedFile.Inputs / 4, FuzzedFile.Inputs);
    }

    /// <summary>As it comes out of gzip, it is judged as it is read.</summary>
    [Fact]
    public void Trace_dat_in_gzip()
    {
        var random = new Random(5);
        byte[][] seeds = [.. DatSeeds.All()];
        for (int input = 0; input < FuzzedFile.Inputs / 4; input++)
        {
            byte[] file = MutateDat(random, seeds[random.Next(seeds.Length)]);
            var plain = _file.Read(file);
            var packed = _file.Read(Compress(file));
            packed.Lenient.SequenceEqual(plain.Lenient).ShouldBeTrue($"input {input}");
            (packed.Strict is null).ShouldBe(plain.Strict is null, $"input {input}");
        }
    }

    /// <summary>Most bytes are of padding, where damage does nothing: so most of what is changed is what is not 0.</summary>
    private static byte[] MutateDat(Random random, byte[] file)
    {
        int at = random.Next(file.Length);
        for (int tries = 0; tries < 64 && file[at] == 0; tries++)
        {
            at = random.Next(file.Length);
        }

        int end = Math.Min(file.Length, at + 64);
        bool keepsLength = random.Next(2) == 0;
        byte[] piece = Mutation.Of(random, file[at..end], mayBreakLines: true);
        if (keepsLength)
        {
            Array.Resize(ref piece, end - at);
        }

        return [.. file[..at], .. piece, .. file[end..]];
    }

    private static byte[] Compress(byte[] data)
    {
        using var result = new MemoryStream();
        using (var gzip = new GZipStream(result, CompressionLevel.Fastest))
        {
            gzip.Write(data);
        }

        return result.ToArray();
    }
}
