using IommuKit.Analysis.Calibration;
using IommuKit.Domains;
using IommuKit.Lab;
using IommuKit.Lab.Bench;
using IommuKit.Traces;

namespace IommuKit.Analysis.Tests.Calibration;

public sealed class MeasurementFileTests : IDisposable
{
    private readonly string _path = Path.GetTempFileName();

    public void Dispose() => File.Delete(_path);

    [Fact]
    public void The_file_of_the_proposals_table_is_the_built_in_one() =>
        MeasurementFile.Load(RepositoryFiles.InRepository("src", "IommuKit.Lab", "Seed", "seed-table.csv")).ShouldBe(MeasurementFile.SeedTable);

    [Fact]
    public void A_row_for_each_time_is_read()
    {
        File.WriteAllText(
            _path, "# my board\niommu,operation,size,policy,tables,us\ntegra124,unmap,1.5M,perpage,fresh,12.5\n,Map,8192,Gather,,3e1\n");
        MeasurementFile.Load(_path).ShouldBe(
        [
            new Measurement(new MeasuredWork("tegra124", MappingOperation.Unmap, 3 << 19, SyncPolicy.PerPage, BenchTables.Fresh), 12.5),
            new Measurement(new MeasuredWork("tegra210", MappingOperation.Map, 8192, SyncPolicy.Gather, BenchTables.Existing), 30),
        ]);
    }

    [Theory]
    [InlineData("", "is empty")]
    [InlineData("operation,size,policy,us\n", "holds no measurements")]
    [InlineData("operation,size,us\n", ":1: the header has no \"policy\"")]
    [InlineData("operation,size,policy,us,us\n", ":1: the header has \"us\" twice")]
    [InlineData("operation,size,policy,us,board\n", ":1: the header cannot have \"board\"")]
    [InlineData("operation,size,policy,us\nmap,4K,Gather,1\nmap,4K,Gather\n", ":3: has 3 fields; the header has 4")]
    [InlineData("operation,size,policy,us\nremap,4K,Gather,1\n", ":2: operation is \"remap\"; choose from Map, Unmap")]
    [InlineData("operation,size,policy,us\n1,4K,Gather,1\n", ":2: operation is \"1\"")]
    [InlineData("operation,size,policy,us\nmap,5K,Gather,1\n", ":2: size 5K is not a multiple of the page size")]
    [InlineData("operation,size,policy,us\nmap,4T,Gather,1\n", ":2: size 4T is more than 2G")]
    [InlineData("operation,size,policy,us\nmap,four,Gather,1\n", ":2: size \"four\" is not a number")]
    [InlineData("operation,size,policy,us\nmap,4K,Gather,0\n", ":2: us is \"0\"; a time is a number of microseconds from 0.000001 to 1000000000")]
    [InlineData("operation,size,policy,us\nmap,4K,Gather,5e-324\n", ":2: us is \"5e-324\"")]
    [InlineData("operation,size,policy,us\nmap,4K,Gather,-1\n", ":2: us is \"-1\"")]
    [InlineData("operation,size,policy,us\nmap,4K,Gather,NaN\n", ":2: us is \"NaN\"")]
    [InlineData("operation,size,policy,us\nmap,4K,Gather,1e10\n", ":2: us is \"1e10\"")]
    [InlineData("operation,size,policy,us,iommu\nmap,4K,Gather,1,vtd\n", ":2: there is no IOMMU \"vtd\"")]
    [InlineData("operation,size,policy,us\n\"map,4K,Gather,1\n", ":2: is not CSV: a quote is open")]
    [InlineData("operation,size,policy,us\nmap,128K,PerPage,137\nmap,4M,\"PerPage,3\n", ":3: is not CSV: a quote is open")]
    [InlineData("operation,size,policy,us\nmap,128K,PerPage,137\nmap,4M,\"PerPage,3", ":3: is not CSV: a quote is open")]
    [InlineData("operation,size,policy,us\nmap,4M,\"PerPage,3\nmap,4M,PerPage,3\n", ":2: is not CSV: a quote is open")]
    public void Anything_else_is_refused_with_file_and_line(string text, string reason)
    {
        File.WriteAllText(_path, text);
        string message = Should.Throw<InputException>(() => MeasurementFile.Load(_path)).Message;
        message.ShouldStartWith(_path);
        message.ShouldContain(reason);
        message.ShouldNotContain("\n");
        message.ShouldNotContain("CsvHelper");
    }

    [Fact]
    public void Work_that_the_bench_would_take_hours_for_is_refused_and_many_times_of_one_kind_are_not()
    {
        File.WriteAllLines(_path, ["operation,size,policy,us", .. Enumerable.Range(1, 251).Select(pages => $"map,{pages * 4096},Gather,1")]);
        Should.Throw<InputException>(() => MeasurementFile.Load(_path)).Message.ShouldStartWith($"{_path}:252: more than 250 different");
        File.WriteAllLines(_path, ["operation,size,policy,us", .. Enumerable.Range(1, 1000).Select(us => $"map,4K,Gather,{us}")]);
        MeasurementFile.Load(_path).Count.ShouldBe(1000);
    }

    [Fact]
    public void Whatever_is_in_a_file_it_is_read_or_refused_in_one_line()
    {
        var random = new Random(5);
        byte[] good = File.ReadAllBytes(RepositoryFiles.InRepository("src", "IommuKit.Lab", "Seed", "seed-table.csv"));
        int refused = 0;
        for (int round = 0; round < 300; round++)
        {
            byte[] bad = [.. good];
            for (int i = 0; i < 3; i++)
            {
                bad[random.Next(bad.Length)] = (byte)random.Next(256);
            }

            File.WriteAllBytes(_path, bad);
            try
            {
                MeasurementFile.Load(_path).ShouldNotBeEmpty();
            }
            catch (InputException e)
            {
                refused++;
                e.Message.ShouldStartWith(_path);
                e.Message.ShouldNotContain("\r");
            }
        }

        refused.ShouldBeGreaterThan(100);
    }
}
